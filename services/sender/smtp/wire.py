"""The bytes of one SMTP connection: commands out, whole replies in."""

from __future__ import annotations

import asyncio
import re
from typing import cast

from aiosmtplib import SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.response import SMTPResponse

from services.sender.smtp.replies import MAX_REPLY_BYTES, MalformedReplyError, Reply, take_reply

BLOCK = 64 * 1024
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")


class LostError(Exception):
    """The connection is gone: closed or reset by the peer, or by the network."""


class Wire(SMTPProtocol):
    """aiosmtplib's protocol with its own reading of replies.

    Theirs keeps at most one reply and drops what follows it, so that pipelined commands (RFC 2920) lose answers; it
    discards bytes that nobody asked for instead of showing them, and takes replies whose lines differ in code. Its
    transport, flow control and STARTTLS (which discards what was buffered in clear, RFC 3207 section 6) are used.
    """

    def __init__(self) -> None:
        super().__init__()
        self._arrived = asyncio.Event()
        self._ended = False

    def data_received(self, data: bytes) -> None:
        self._buffer.extend(data)
        if len(self._buffer) > MAX_REPLY_BYTES + BLOCK:
            self.abort()
        self._arrived.set()

    def eof_received(self) -> bool:
        self._ended = True
        self._arrived.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ended = True
        self._arrived.set()

    @property
    def quiet(self) -> bool:
        """Open, and the peer has said nothing that was not asked for."""
        return self.is_connected and not self._ended and not self._buffer

    @property
    def talkative(self) -> bool:
        """Whether bytes are there that have not been read."""
        return bool(self._buffer)

    def send(self, *commands: str) -> None:
        """Writes commands as one group. Raises ValueError for a control character in one, LostError."""
        for command in commands:
            if _FORBIDDEN.search(command):
                raise ValueError("control character in an SMTP command")
        self._put("".join(f"{command}\r\n" for command in commands).encode())

    def send_final_dot(self) -> None:
        """Writes the end of the data (RFC 5321 section 4.1.1.4). Raises LostError if it certainly did not leave."""
        self._put(b".\r\n")

    async def send_block(self, block: bytes, timeout: float) -> None:
        """Writes a part of the message and waits until the kernel has room again. Raises LostError, TimeoutError."""
        self._put(block)
        if not self._paused and not self._connection_lost:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._drain_helper()
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise LostError(str(error)) from error

    async def read(self, timeout: float) -> Reply:
        """The next reply, also of a peer that closed since. Raises LostError, TimeoutError, MalformedReplyError."""
        if (reply := take_reply(self._buffer)) is not None:
            return reply  # pipelined replies come together: a timer for each would cost more than reading it
        async with asyncio.timeout(timeout):
            while (reply := take_reply(self._buffer)) is None:
                if self._ended:
                    raise LostError("closed by the peer")
                self._arrived.clear()
                await self._arrived.wait()
        return reply

    def early_reply(self) -> Reply | None:
        """A reply that is there although none is due, such as 421 in the middle of a message."""
        try:
            return take_reply(self._buffer)
        except MalformedReplyError:
            return None

    async def read_response(self, timeout: float | None = None) -> SMTPResponse:
        """For `start_tls` of the base class: the next reply in aiosmtplib's form."""
        try:
            reply = await self.read(timeout or 0)
        except LostError as error:
            raise SMTPServerDisconnected(str(error)) from error
        return SMTPResponse(reply.code, "\n".join(reply.lines))

    def close(self) -> None:
        """Closes after what was written has left."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Drops the connection at once; what has not left stays unsent."""
        if self.transport is not None:
            cast(asyncio.WriteTransport, self.transport).abort()

    def _put(self, data: bytes) -> None:
        if self._ended:
            raise LostError("closed by the peer")
        try:
            self.write(data)
        except SMTPServerDisconnected as error:
            raise LostError("closed by the peer") from error
