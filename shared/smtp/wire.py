"""One connection: lines and messages in, replies out, STARTTLS, deadlines. It knows framing, but no commands."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, cast

from shared.smtp.framing import Framer
from shared.smtp.limits import ByteBudget
from shared.smtp.replies import Reply

# What may wait unread while we are busy: a client that waits for its reply sends nothing.
MOST_UNREAD = 64 * 1024
CLOSING_SECONDS = 10.0


class HungUpError(Exception):
    """The conversation is over: the peer has left, or we have said the last word."""


class Wire(asyncio.Protocol):
    """The transport's side of one connection; `serve` is the conversation, begun when the connection is made.

    `idle_seconds` bounds every wait for the peer; `deadline` all waits until it is set anew.
    """

    def __init__(
        self,
        address: str,
        serve: Callable[[Wire], Coroutine[Any, Any, None]],
        left: Callable[[Wire], None],
        budget: ByteBudget,
        idle_seconds: float,
    ) -> None:
        self._serve = serve
        self._left = left
        self._budget = budget
        self._idle_seconds = idle_seconds
        self._framer = Framer()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._held = 0
        self._since = self._loop.time()
        self._closed_at: float | None = None
        self.deadline: float | None = None
        self.over_budget = False
        self.address = address
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self.task = self._loop.create_task(self._serve(self))

    def data_received(self, data: bytes) -> None:
        if self._closed_at is not None:
            return
        self._since = self._loop.time()
        self._framer.feed(data)
        if self._framer.in_content and not self._framer.dropped:
            if self._budget.take(len(data)):
                self._held += len(data)
            else:
                self.over_budget = True
                self._framer.drop()
        if self._waiter is not None:
            self._wake()
        elif self._framer.pending > MOST_UNREAD:
            self._pause()

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is None:
            return
        self._transport = None
        self._wake()
        self.release()
        self._left(self)

    async def line(self) -> bytes:
        """The next line; raises HungUpError, BareLineEndError and LineTooLongError."""
        while (line := self._framer.line()) is None:
            await self._more()
        return line

    async def content(self, most: int, *, cuts: bool = False) -> bytes | None:
        """A message up to its end, None where it was over `most` bytes or there was no room for it; with `cuts`, the
        lines that it began with where it was over."""
        self.over_budget = False
        self._framer.begin_content(most, cuts=cuts)
        while (content := self._framer.content()) is None:
            await self._more()
        return None if self._framer.dropped and not (cuts and content) else content

    def release(self) -> None:
        """Gives back the room of the message that was read last."""
        self._budget.give_back(self._held)
        self._held = 0

    @property
    def pending(self) -> bool:
        """Whether the peer has sent more than it was asked for."""
        return self._framer.pending > 0

    @property
    def is_idle(self) -> bool:
        """Whether we wait for the peer."""
        return self._waiter is not None

    def say(self, reply: Reply) -> None:
        """Sends a reply, the last one if it closes."""
        if self._transport is None or self._closed_at is not None:
            return
        self._transport.write(reply.encode())
        if reply.close:
            self._closed_at = self._loop.time()
            self._transport.close()
            self._wake()

    @property
    def in_content(self) -> bool:
        """Whether a message is on its way to us."""
        return self._framer.in_content

    async def start_tls(self, context: ssl.SSLContext, seconds: float) -> None:
        """Encrypts the connection from here on; raises HungUpError where the handshake fails."""
        if self._transport is None or self._closed_at is not None:
            raise HungUpError
        try:
            upgraded = await self._loop.start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=seconds
            )
        except OSError as error:  # ssl.SSLError and a late handshake are, too
            self.abort()
            self.connection_lost(error)  # asyncio tells only those who were once connected over TLS
            raise HungUpError from error
        if upgraded is None:
            raise HungUpError
        self._transport, self._paused = upgraded, False

    def check_time(self, now: float, slow: Reply) -> None:
        """Says `slow` to a peer that lets us wait too long, and drops one that does not go."""
        if self._closed_at is not None:
            if now > self._closed_at + CLOSING_SECONDS:
                self.abort()
        elif self._waiter is not None:
            late = self.deadline is not None and now > self.deadline
            if late or now > self._since + self._idle_seconds:
                self.say(slow)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _more(self) -> None:
        if self._transport is None or self._closed_at is not None:
            raise HungUpError
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        self._waiter = self._loop.create_future()
        self._since = self._loop.time()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if self._transport is None or self._closed_at is not None:
            raise HungUpError

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
