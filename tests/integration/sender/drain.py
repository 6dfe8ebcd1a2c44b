"""A mail host that takes every message and keeps none: how long each was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.fixtures.real_process import HOST

END = b"\r\n.\r\n"


@dataclass
class Drain:
    """`sizes` are those of the messages that came to their dot, `begun` how many were. While `gate` is not set bodies
    are read so slowly that they all wait, `before_data` is awaited before each 354."""

    port: int = 0
    begun: int = 0
    sizes: list[int] = field(default_factory=list)
    before_data: Callable[[], Awaitable[None]] | None = None
    gate: asyncio.Event | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 drain.test\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                if self.before_data is not None:
                    await self.before_data()
                self.begun += 1
                writer.write(b"354 go on\r\n")
                size = await self._drained(reader)
                if size is None:
                    break
                self.sizes.append(size)
            if verb == b"QUIT":
                break
            writer.write(b"250 2.0.0 yes\r\n")
        writer.close()

    async def _drained(self, reader: asyncio.StreamReader) -> int | None:
        """How long a message was; None where it had no end."""
        size, tail = 0, b""
        while not tail.endswith(END):
            if self.gate is not None and not self.gate.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.gate.wait(), 1)
            piece = await reader.read(64 * 1024)
            if not piece:
                return None
            size, tail = size + len(piece), (tail + piece)[-len(END) :]
        return size


@asynccontextmanager
async def draining() -> AsyncIterator[Drain]:
    drain = Drain()
    async with await asyncio.start_server(drain.serve, HOST, 0) as server:
        drain.port = server.sockets[0].getsockname()[1]
        yield drain
