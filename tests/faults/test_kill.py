"""Each service's process is killed, and stopped, under a load: nothing is lost, nothing is sent twice unsaid.

POSTHORN_TEST_SEED chooses another load and other moments.
"""

from __future__ import annotations

import asyncio
import random
import signal

import pytest

from deploy.local.parts import SERVICES
from deploy.local.stack import Stack
from tests.faults.forms import SEED, Form, forms
from tests.faults.load import CERTAIN
from tests.faults.matrix import Fault, record
from tests.faults.world import World, world

NAMES = [program.name for program in SERVICES]
KILLED = Fault("Processes", "kill -9 of each process in turn", "none lost; a copy more only with an `ambiguous` event")
STOPPED = Fault("Processes", "SIGTERM of each process in turn", "none lost, none ambiguous, no second copy")
SECONDS = 120.0  # for a load's share


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
            await there.answered(moment, SECONDS)
            running[name] = await there.running()
            await asyncio.to_thread(_end, there.stack, name, number)
            await asyncio.to_thread(there.stack.start, name)
    return running


def _end(stack: Stack, name: str, number: int) -> None:
    if number == signal.SIGKILL:
        stack.kill(name, number)
    else:
        stack.stop(name)


@pytest.mark.parametrize("form", forms(short=360, full=5000))
async def test_a_kill_of_each_process_loses_nothing_and_sends_nothing_twice_unsaid(stack: Stack, form: Form) -> None:
    rng = random.Random(SEED)
    async with world(stack, SEED) as there:
        running = await disturb(there, signal.SIGKILL, form.messages, rng)
        judgement = await there.over(form.seconds)
    print(f"running at each kill: {running}\n{judgement}")
    record(form, KILLED, judgement)
    assert all(running.values()), running
    assert not judgement.violations, f"seed {SEED}, {running}\n{judgement}"


@pytest.mark.parametrize("form", forms(short=240, full=5000))
async def test_a_stop_of_each_process_leaves_no_message_ambiguous(stack: Stack, form: Form) -> None:
    rng = random.Random(f"stop {SEED}")
    async with world(stack, SEED, mix=CERTAIN) as there:
        running = await disturb(there, signal.SIGTERM, form.messages, rng)
        judgement = await there.over(form.seconds)
    print(f"running at each stop: {running}\n{judgement}")
    record(form, STOPPED, judgement)
    assert not judgement.violations, f"seed {SEED}, {running}\n{judgement}"
    assert judgement.counts["ambiguous events"] == judgement.counts["second copies"] == 0, str(judgement)
