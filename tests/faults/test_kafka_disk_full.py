"""Kafka's disk is full: it ends itself, ingest goes on answering, and everything goes out when there is space again.

POSTHORN_TEST_SEED chooses another load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.faults.forms import SEED, Form, forms
from tests.faults.matrix import record
from tests.faults.outage import answered_meanwhile, arrived, away
from tests.faults.small_disk import empty, fill, small_disk
from tests.faults.world import own_stack, world
from tests.fixtures.own_ports import own_ports

MEGABYTES = 64


@dataclass(frozen=True)
class OnSmallDisk:
    """A stack, and the disk that only its Kafka writes to."""

    stack: Stack
    disk: Path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnSmallDisk]:
    home = tmp_path_factory.mktemp("small-disk")
    with (
        small_disk(home / "kafka" / "data", MEGABYTES) as disk,
        own_stack(home, own_ports(24700)) as stack,
    ):
        yield OnSmallDisk(stack, disk)


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
    record(
        form,
        kind="Disk full",
        fault="Kafka's disk full for 40 s",
        promised="ingest answers 202 meanwhile; all goes out after space has returned and Kafka was started",
        judgement=judgement,
        recovery_seconds=judgement.quiet_after,
    )
    assert running
    assert filled
    assert meanwhile
    assert not early, f"{early} went out without Kafka"
    assert not judgement.violations, str(judgement)
