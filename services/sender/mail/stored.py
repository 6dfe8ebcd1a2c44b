"""Messages that are never whole in memory: read from the store block by block, each time that they are needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from services.sender.mail.canonical import BodyHash
from services.sender.mail.personal import MarkFilling
from shared.content import Blob, ContentStore
from shared.mail.compose import split_message
from shared.mail.encodings import Base64Lines
from shared.mail.headers import ComposeError
from shared.mail.lines import LineCheck
from shared.mail.mime import Piece

BLOCK = 64 * 1024
LARGEST_HEADER = 1024 * 1024

Reading = AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Measured:
    """What has to be known of a body before it is sent: its length, its hash for DKIM, and whether it is ASCII."""

    size: int
    bh: str
    is_ascii: bool


async def composed_body(store: ContentStore, body: Sequence[Piece]) -> Reading:
    """A composed body: what is in the store comes as base64. Raises ContentGoneError."""
    for piece in body:
        if isinstance(piece, bytes):
            for block in _blocks(piece):
                yield block
        else:
            encoder = Base64Lines()
            async with aclosing(store.read(piece)) as chunks:
                async for chunk in chunks:
                    for block in encoder.update(chunk):
                        yield block
            for block in encoder.finish():
                yield block


async def whole_message(store: ContentStore, raw: Blob, filling: Callable[[], MarkFilling | None]) -> Reading:
    """A whole message from a caller, its marks filled in. Raises ContentGoneError."""
    marks = filling()
    async with aclosing(store.read(raw)) as chunks:
        async for chunk in chunks:
            for block in _blocks(chunk):
                yield marks.update(block) if marks else block
    if marks:
        yield marks.finish()


async def header_of(message: Reading) -> bytes:
    """The header that a message begins with, with its empty line. Raises ComposeError where it does not end."""
    begun = b""
    async with aclosing(message):
        async for block in message:
            begun += block
            if b"\r\n\r\n" in begun:
                return split_message(begun)[0]
            if len(begun) > LARGEST_HEADER:
                raise ComposeError(f"the header is over {LARGEST_HEADER} bytes")
    return begun


async def without(message: Reading, size: int) -> Reading:
    """The message from its byte `size` on."""
    async with aclosing(message):
        async for block in message:
            if size < len(block):
                yield block[size:]
            size = max(0, size - len(block))


async def measured(header: bytes, body: Reading) -> Measured:
    """Reads a body once. Raises ValueError for lines that may not be sent; `header` is what comes before it."""
    check, hashed, size, is_ascii = LineCheck(), BodyHash(), 0, True
    check.update(header)
    async with aclosing(body):
        async for block in body:
            check.update(block)
            hashed.update(block)
            size += len(block)
            is_ascii = is_ascii and block.isascii()
            await asyncio.sleep(0)  # a chunk makes many blocks, between which nothing is waited for
    check.finish()
    return Measured(size, hashed.base64(), is_ascii)


def _blocks(data: bytes) -> Sequence[bytes]:
    return [data] if len(data) <= BLOCK else [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
