"""A smart host that dies and comes back: mail takes the other way meanwhile, and none of it is lost or doubled."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.e2e.account import Account, fresh
from tests.fixtures.deployment import eventually

pytestmark = pytest.mark.verify
AT_ONCE = 12  # more than are attempted before the sender leaves the smart host alone
WHY_NOT = ("its last attempt failed: ", "it is left alone after: ", "its breaker is ")


@asynccontextmanager
async def relay(held: socket.socket, to: int) -> AsyncIterator[None]:
    """What passes connections on to a port of this machine, until it is left: then it breaks them, and refuses more."""
    open_ones: set[asyncio.StreamWriter] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
        open_ones.update((writer, far_writer))
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    server = await asyncio.start_server(serve, sock=held.dup())
    try:
        yield
    finally:
        server.close()
        for writer in open_ones:
            writer.transport.abort()


def hold_port(port: int = 0) -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    return held


async def test_mail_leaves_a_smart_host_that_dies_and_comes_back_to_it(routed: Account) -> None:
    recipients: dict[str, str] = {}

    async def send(number: int) -> list[str]:
        """Messages that have all ended; their ids."""
        to = [fresh("ok") for _ in range(number)]
        ids = [message_id for recipient in to for message_id in await routed.send(recipient)]
        recipients.update(zip(ids, to, strict=True))
        for message_id in ids:
            await routed.reaches(message_id, "sent", "delivered")
        return ids

    async def last_ways(ids: list[str]) -> list[str]:
        return [(await routed.steps(message_id, "routed"))[-1]["transport"] for message_id in ids]

    held = hold_port()
    port = held.getsockname()[1]
    smart = await routed.transport(port, "dies")
    await routed.route(smart["id"], "direct")
    try:
        async with relay(held, routed.stack.ports["sink_smtp"]):
            assert set(await last_ways(await send(3))) == {smart["id"]}
        held.close()
        for message_id in await send(AT_ONCE):
            *_, last = await routed.steps(message_id, "routed")
            why = {candidate["transport"]: candidate.get("lost") for candidate in last["candidates"]}
            assert (last["transport"], why["direct"]) == ("direct", None)
            assert str(why[smart["id"]]).startswith(WHY_NOT), why

        held = hold_port(port)
        async with relay(held, routed.stack.ports["sink_smtp"]):

            async def is_back() -> bool:
                return set(await last_ways(await send(8))) == {smart["id"]}

            await eventually(is_back, seconds=120, what="all mail takes the smart host again")
        for recipient in recipients.values():
            assert await routed.deliveries_to(recipient) == 1
    finally:
        held.close()
