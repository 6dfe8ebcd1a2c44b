"""A destination has no more connections open than it has places, whatever hosts its messages go to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.sender.smtp.attempt import attempt
from services.sender.smtp.connections import Connections, Tries
from services.sender.smtp.outcomes import Deferred, Delivered
from tests.fixtures.counting_smtp import CountingHost, counting
from tests.fixtures.deployment import eventually
from tests.fixtures.scripted_smtp import ScriptedServer
from tests.integration.sender.attempts import egress, transaction


async def send(connections: Connections, *hosts: CountingHost, destination: str = "d") -> None:
    way = egress(*(host.port for host in hosts), destination=destination)
    assert isinstance(await attempt(connections, way, transaction()), Delivered)


async def closed(host: CountingHost, left: int = 0) -> None:
    async def gone() -> bool:
        return host.open.total() == left

    await eventually(gone)


async def test_an_idle_connection_gives_its_place_to_another_host_of_its_destination(
    pool: Callable[..., Connections],
) -> None:
    async with counting() as one, counting() as two:
        connections = pool()
        connections.pool.allow("d", 1)
        await send(connections, one)
        await send(connections, one)
        assert (len(one.visits), connections.pool.open_to("d"), connections.pool.idle_to("d")) == (1, 1, 1)
        await send(connections, two)
        await closed(one)
        await send(connections, one, destination="other")
        assert [connections.pool.open_to(each) for each in ("d", "other")] == [1, 1]
        connections.close()
        assert connections.pool.open_to("d") == 0


async def test_what_is_beyond_its_places_is_closed_when_it_is_idle(pool: Callable[..., Connections]) -> None:
    async with counting(dot_seconds=0.1) as host:
        connections = pool()
        connections.pool.allow("d", 3)
        sending = asyncio.gather(*(send(connections, host) for _ in range(3)))

        async def all_open() -> bool:
            return connections.pool.open_to("d") == 3

        await eventually(all_open)
        connections.pool.allow("d", 1)
        assert connections.pool.open_to("d") == 3  # nothing that is under way is cut
        await sending
        await closed(host, left=1)
        connections.pool.allow("d", 0)
        await closed(host)
        assert sum(host.taken.values()) == 3


async def test_what_does_not_open_takes_no_place(pool: Callable[..., Connections]) -> None:
    async with ScriptedServer() as gone:
        pass
    connections = pool()
    way = egress(gone.port, gone.port, destination="d")
    assert isinstance(await attempt(connections, way, transaction()), Deferred)
    dialling = asyncio.create_task(connections.acquire(way, way.hosts[0], Tries()))
    await asyncio.sleep(0)
    assert connections.pool.open_to("d") == 1
    dialling.cancel()
    await asyncio.gather(dialling, return_exceptions=True)
    assert connections.pool.open_to("d") == 0
