"""Each service's process is killed, and stopped, under a load: nothing is lost, nothing is sent twice unsaid.

POSTHORN_TEST_SEED chooses another load and other moments.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from functools import partial

import pytest

from deploy.local.parts import SERVICES
from deploy.local.stack import Stack
from tests.faults.world import World, own_stack, world
from tests.fixtures.deployment import eventually
from tests.fixtures.own_ports import own_ports

SEED = os.environ.get("POSTHORN_TEST_SEED", "1")
NAMES = [program.name for program in SERVICES]
KILLED_UNDER, STOPPED_UNDER = 500, 240  # messages
SECONDS = 60
# one seed in `make test`, more of them in `make verify`
SEEDS = [SEED, *(pytest.param(f"verify-{number}", marks=pytest.mark.verify) for number in range(8))]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with own_stack(tmp_path_factory.mktemp("kill"), own_ports(24300)) as made:
        yield made


async def disturb(there: World, number: int, messages: int, rng: random.Random) -> dict[str, int]:
    """Ends each process with a signal while its share of the load is under way, and starts it again while that goes on.

    Returns how many accepted messages were on their way at each of these moments.
    """
    running = {}
    share = messages // len(NAMES)
    for name in rng.sample(NAMES, len(NAMES)):
        before = len(there.load.answered)
        moment = before + rng.randint(share // 4, share * 3 // 4)
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(share))
            await eventually(partial(_answered, there, moment), seconds=SECONDS, every=0.005, what=f"{moment} answers")
            running[name] = await there.running()
            await asyncio.to_thread(_end, there.stack, name, number)
            await asyncio.to_thread(there.stack.start, name)
    return running


async def _answered(there: World, count: int) -> bool:
    return len(there.load.answered) >= count


def _end(stack: Stack, name: str, number: int) -> None:
    if number == signal.SIGKILL:
        stack.kill(name, number)
    else:
        stack.stop(name)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_kill_of_each_process_loses_nothing_and_sends_nothing_twice_unsaid(stack: Stack, seed: str) -> None:
    rng = random.Random(seed)
    async with world(stack, seed) as there:
        running = await disturb(there, signal.SIGKILL, KILLED_UNDER, rng)
        judgement = await there.over(SECONDS)
    print(f"running at each kill: {running}\n{judgement}")
    assert all(running.values()), running
    assert not judgement.violations, f"seed {seed}, {running}\n{judgement}"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_stop_of_each_process_leaves_no_message_ambiguous(stack: Stack, seed: str) -> None:
    rng = random.Random(f"stop {seed}")
    async with world(stack, seed, certain=True) as there:
        running = await disturb(there, signal.SIGTERM, STOPPED_UNDER, rng)
        judgement = await there.over(SECONDS)
    print(f"running at each stop: {running}\n{judgement}")
    assert not judgement.violations, f"seed {seed}, {running}\n{judgement}"
    assert judgement.counts["ambiguous events"] == judgement.counts["second copies"] == 0, str(judgement)
