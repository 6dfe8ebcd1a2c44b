"""Clocks that can be asked: the database's, and a time server's by SNTP (RFC 4330)."""

from __future__ import annotations

import asyncio
import struct
import time
from datetime import UTC, datetime

from services.doctor.checks.clock import Offset
from services.doctor.options import Options, place
from shared.mongo.client import make_client

NTP_PORT = 123
SINCE_1900 = 2_208_988_800
REQUEST = b"\x23" + bytes(47)  # version 4, from a client
TRANSMITTED = slice(40, 48)


async def gather(options: Options) -> list[Offset]:
    """The time server is asked only where one is named; where it cannot be reached, nothing is said of it."""
    asked = [_database(options)]
    if options.ntp_server:
        asked.append(_time_server(options.ntp_server, options.seconds / 2))
    return list(await asyncio.gather(*asked))


async def _database(options: Options) -> Offset:
    client = make_client(options.shared)
    try:
        await client.admin.command("ping")  # so that the next answer does not wait for a connection
        asked = datetime.now(UTC)
        reply = await client.admin.command("hello")
        half = (datetime.now(UTC) - asked) / 2
        ahead = reply["localTime"].replace(tzinfo=UTC) - (asked + half)
        return Offset("MongoDB's clock", ahead.total_seconds(), half.total_seconds())
    finally:
        client.close()


class _Once(asyncio.DatagramProtocol):
    """Asks, and keeps the first answer with the moment at which it came."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[bytes, float]] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.answer.done():
            self.answer.set_result((data, time.time()))

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _time_server(server: str, seconds: float) -> Offset:
    host, port = place(server, NTP_PORT)
    try:
        async with asyncio.timeout(seconds):
            loop = asyncio.get_running_loop()
            transport, protocol = await loop.create_datagram_endpoint(_Once, remote_addr=(host, port))
            try:
                asked = time.time()
                transport.sendto(REQUEST)
                data, answered = await protocol.answer
            finally:
                transport.close()
        whole, part = struct.unpack("!II", data[TRANSMITTED])
    except (TimeoutError, OSError, struct.error) as error:
        return Offset(server, None, failure=type(error).__name__, optional=True)
    half = (answered - asked) / 2
    return Offset(server, whole - SINCE_1900 + part / 2**32 - (asked + half), half, optional=True)
