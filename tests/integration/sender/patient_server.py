"""A mail server that replies to one command only when it is told to, so that a test acts just before that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

USUAL = {b"DATA": b"354 go ahead\r\n", b"QUIT": b"221 bye\r\n"}


@dataclass
class PatientServer:
    """`verb` is the command whose first reply waits for `told`, or DOT; `asked` is set when it has come."""

    verb: str
    told: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    dots: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.test ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            await self._reached(verb.decode())
            writer.write(USUAL.get(verb, b"250 ok\r\n"))
            if verb == b"DATA":
                try:
                    await reader.readuntil(b"\r\n.\r\n")
                except asyncio.IncompleteReadError:
                    break
                self.dots += 1
                await self._reached("DOT")
                writer.write(b"250 2.0.0 taken\r\n")
        writer.close()

    async def is_asked(self) -> None:
        await asyncio.wait_for(self.asked.wait(), 20)

    async def _reached(self, verb: str) -> None:
        if verb == self.verb:
            self.asked.set()
            await self.told.wait()


@asynccontextmanager
async def patient_server(verb: str) -> AsyncIterator[PatientServer]:
    served = PatientServer(verb)
    async with await asyncio.start_server(served.serve, "127.0.0.1", 0) as server:
        served.port = server.sockets[0].getsockname()[1]
        yield served
        served.told.set()
