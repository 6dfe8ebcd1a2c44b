"""All sender processes together keep one limit, as the receiving host sees it: while they join, die and come back."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from shared.contracts.entities import Kind
from shared.contracts.topics import Lane, Stream
from tests.fixtures.counting_smtp import CountingHost, counting
from tests.fixtures.deployment import eventually
from tests.fixtures.real_process import RealProcess, running
from tests.integration.sender.world import QUICK, World

LIMIT = 4
LONGEST = 1.0
SEED = int(os.environ.get("POSTHORN_TEST_SEED", "1"))


class Senders:
    """Sender processes by name, which is their name in EHLO, too."""

    def __init__(self, world: World, folder: Path, stack: AsyncExitStack) -> None:
        self._world, self._folder, self._stack = world, folder, stack
        self.running: dict[str, RealProcess] = {}

    async def start(self, *names: str) -> None:
        contexts = [
            running(
                self._world.deployment,
                "sender:deliver",
                self._folder / f"{name}.log",
                **{**QUICK, "retry_delays": "[600]", "ambiguous_delays": "[600]", "greylist_delays": "[600]"},
                ehlo_name=name,
                session_timeout_ms=6000,  # a dead process holds up those that join Kafka's groups for so long
            )
            for name in names
        ]
        started = await asyncio.gather(*(each.__aenter__() for each in contexts))
        for name, context, process in zip(names, contexts, started, strict=True):
            self._stack.push_async_exit(context)
            self.running[name] = process

    def end(self, name: str, how: signal.Signals) -> None:
        os.kill(self.running.pop(name).pid, how)


async def delivering(host: CountingHost, *names: str) -> None:
    """Waits until one of these processes delivers from now on: one that has enough to do may use the whole limit."""
    before = len(host.asked)

    async def more() -> bool:
        return any(visit.name in names for _, _, visit in host.asked[before:])

    await eventually(more, seconds=60, what=f"deliveries of {names}")


async def loaded(world: World, host: CountingHost, number: int) -> None:
    """Messages of both lanes: one alone leaves the other its slots."""
    data = {"name": "direct", "kind": "direct", "max_connections": LIMIT}
    await world.know(Kind.TRANSPORT, "direct", data, version=2)
    content, route = await world.content(), world.route(host.port)
    await world.clear(
        *[
            await world.message(f"{lane}{place}@sink.test", content_id=content, route=route, lane=lane, stream=stream)
            for place in range(number // 2)
            for lane, stream in ((Lane.CRITICAL, Stream.SECURITY), (Lane.STANDARD, Stream.PRODUCT))
        ]
    )


@pytest.mark.timeout(300)
async def test_processes_that_join_die_and_come_back_keep_one_limit(world: World, tmp_path: Path) -> None:
    async with counting(dot_seconds=0.15) as host, AsyncExitStack() as stack:
        await loaded(world, host, 2000)
        senders = Senders(world, tmp_path, stack)
        await senders.start("one", "two")

        async def at_the_limit() -> bool:
            return host.open.total() >= LIMIT

        await eventually(at_the_limit)
        first = max(senders.running, key=lambda name: host.open[name])
        (second,) = senders.running.keys() - {first}
        senders.end(first, signal.SIGKILL)
        await asyncio.gather(senders.start("three"), delivering(host, second, "three"))
        senders.end(second, signal.SIGTERM)
        await delivering(host, "three")
        await eventually(at_the_limit)
    assert host.longest_above(LIMIT) <= LONGEST
    assert max(number for _, number in host.history) >= LIMIT
    assert max(host.taken.values()) == 1


@pytest.mark.verify
@pytest.mark.timeout(900)
async def test_one_limit_through_many_deaths(world: World, tmp_path: Path) -> None:
    """POSTHORN_TEST_SEED chooses other deaths."""
    rng = Random(SEED)
    async with counting(dot_seconds=0.15) as host, AsyncExitStack() as stack:
        await loaded(world, host, 20_000)
        senders = Senders(world, tmp_path, stack)
        await senders.start("p0", "p1")
        for turn in range(2, 22):
            victim = rng.choice(sorted(senders.running))
            senders.end(victim, rng.choice([signal.SIGKILL, signal.SIGTERM]))
            await senders.start(f"p{turn}")
            await asyncio.sleep(rng.random() * 4)

            async def busy(known: int = len(host.asked)) -> bool:
                return len(host.asked) > known

            await eventually(busy, seconds=60)
    assert host.longest_above(LIMIT) <= LONGEST, f"seed {SEED}"
    assert max(host.taken.values()) == 1, f"seed {SEED}"
