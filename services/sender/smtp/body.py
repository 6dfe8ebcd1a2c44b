"""The body on the wire: dots doubled, block by block, the final dot left out (RFC 5321 section 4.5.2)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from services.sender.smtp.connection import Connection, EndedError
from services.sender.smtp.outcomes import Stage
from services.sender.smtp.verdicts import Lost
from services.sender.smtp.wire import BLOCK, LostError
from shared.failpoints import reach
from shared.mail.lines import LineCheck

Blocks = Callable[[], AsyncGenerator[bytes, None]]
"""A message that is read while it is sent, from its beginning at each call: blocks of at most some 64 KiB."""


class BodyError(ValueError):
    """A message that is read while it is sent turned out to be another than it was said to be."""


async def send_body(connection: Connection, message: bytes | Blocks, size: int) -> None:
    """Writes a message of `size` bytes, CRLF lines, but for the final dot; the peer's window sets the pace.

    Raises EndedError for what the peer does. For a message in blocks, raises ValueError where it is not as it was said
    to be, and whatever its reading raises: some of it has left then, and the connection is to be cut.
    """
    sent = f"({size} bytes)"
    if isinstance(message, bytes):
        stuffed = DotStuffing().update(message)
        for start in range(0, len(stuffed), BLOCK):
            await _send_block(connection, stuffed[start : start + BLOCK], sent, more=start + BLOCK < len(stuffed))
    else:
        check, stuffing, left = LineCheck(), DotStuffing(), size
        async with aclosing(message()) as blocks:
            async for block in blocks:
                check.update(block)
                left -= len(block)
                await _send_block(connection, stuffing.update(block), sent, more=left > 0)
        check.finish()
        if left:
            raise BodyError(f"the message of {size} bytes turned out to have {size - left}")
    connection.transcript.add(Stage.BODY, sent)


async def _send_block(connection: Connection, block: bytes, sent: str, *, more: bool) -> None:
    timeout = connection.timeouts.block
    try:
        await connection.wire.send_block(block, timeout)
    except TimeoutError as error:
        raise connection.lost(Stage.BODY, Lost.TIMEOUT, f"a block was not taken in {timeout:g} s", sent) from error
    except LostError as error:
        raise cut_off(connection, sent, str(error)) from error
    if more:
        reach("sender.in_body")


def cut_off(connection: Connection, sent: str | None, detail: str) -> EndedError:
    """The end in the middle of the body: a reply that the peer left behind is its verdict, otherwise it is a loss."""
    reply = connection.wire.early_reply()
    lost = connection.lost(Stage.BODY, Lost.CLOSED, detail, sent)
    if reply is None or reply.code < 400:
        return lost
    connection.transcript.add(Stage.BODY, None, reply)
    return EndedError(Stage.BODY, reply)


class DotStuffing:
    """Doubles each dot that begins a line, in a message that comes in blocks, however it is cut."""

    def __init__(self) -> None:
        self._before = b"\r\n"

    def update(self, block: bytes) -> bytes:
        # at most the two bytes before decide about the block's first dot, and no dot is ever put among them
        data = self._before + block
        stuffed = data.replace(b"\r\n.", b"\r\n..")[len(self._before) :]
        self._before = data[-2:]
        return stuffed
