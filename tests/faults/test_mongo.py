"""mongod is killed, and halted: ingest answers 503 with Retry-After meanwhile, and what was accepted goes out once.

POSTHORN_TEST_SEED chooses another load.
"""

from __future__ import annotations

import asyncio
import signal

import pytest

from deploy.local.stack import Stack
from tests.faults.forms import SEED, Form, forms, full_form
from tests.faults.matrix import Fault, record
from tests.faults.refusals import refusals_of, refused
from tests.faults.world import world

FAULTS = {"killed": signal.SIGKILL, "halted": signal.SIGSTOP}


@pytest.mark.parametrize(
    ("fault", "form"),
    [
        *(pytest.param("killed", *each.values, id=f"killed-{each.id}", marks=each.marks) for each in forms()),
        *(pytest.param("halted", *each.values, id=f"halted-{each.id}", marks=each.marks) for each in full_form()),
    ],
)
async def test_while_mongodb_is_away_ingest_refuses_and_what_was_accepted_goes_out_once(
    stack: Stack, fault: str, form: Form
) -> None:
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            await there.answered(form.messages // 4, form.seconds)
            running = await there.running()
            await asyncio.to_thread(stack.kill, "mongod", FAULTS[fault])
            seen = await refused(there.load, refusals_of(form), form.seconds)
            if fault == "killed":
                assert stack.pid("mongod") is None
                await asyncio.to_thread(stack.start, "mongod")
            else:
                stack.kill("mongod", signal.SIGCONT)
        judgement = await there.over(form.seconds)
    print(f"{running} under way; {seen}; over after {judgement.quiet_after:.1f} s\n{judgement}")
    record(form, Fault("MongoDB", f"mongod {fault}", "503 with Retry-After meanwhile; none lost"), judgement)
    assert running
    assert not judgement.violations, str(judgement)
