"""Kafka's disk is full: it ends itself, ingest goes on answering, and everything goes out when there is space again.

POSTHORN_TEST_SEED chooses another load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.faults.forms import SEED, Form, forms
from tests.faults.matrix import Fault, record
from tests.faults.outage import answered_meanwhile, arrived, away
from tests.faults.small_disk import OnSmallDisk, empty, fill, on_small_disk
from tests.faults.world import world
from tests.fixtures.own_ports import own_ports

MEGABYTES = 64
FULL = Fault(
    "Disk full",
    "Kafka's disk full for 40 s",
    "ingest answers 202 meanwhile; all goes out after space has returned and Kafka was started",
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnSmallDisk]:
    with on_small_disk(tmp_path_factory.mktemp("small-kafka"), "kafka/data", MEGABYTES, own_ports(24700)) as made:
        yield made


@pytest.mark.parametrize("form", forms())
async def test_while_kafkas_disk_is_full_ingest_answers_and_all_goes_out_after(small: OnSmallDisk, form: Form) -> None:
    stack = small.stack
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            await there.answered(form.messages // 4, form.seconds)
            running = await there.running()
            filled = fill(small.disk)
            # Kafka ends itself when the first of its only log directory's files cannot grow
            assert await asyncio.to_thread(stack.wait_ended, "kafka", form.seconds)
            meanwhile = await answered_meanwhile(there, away(form))
            early = await arrived(there, meanwhile)
        empty(small.disk)
        await asyncio.to_thread(stack.start, "kafka")
        judgement = await there.over(form.seconds)
    print(f"{running} under way when {filled} bytes were taken, {len(meanwhile)} answered meanwhile")
    print(f"over after {judgement.quiet_after:.1f} s\n{judgement}")
    record(form, FULL, judgement)
    assert running
    assert filled
    assert meanwhile
    assert not early, f"{early} went out without Kafka"
    assert not judgement.violations, str(judgement)
