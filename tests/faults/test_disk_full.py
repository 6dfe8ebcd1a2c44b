"""A server's disk is full and it ends itself: nothing that was accepted is lost, and all goes out when there is space.

POSTHORN_TEST_SEED chooses another load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.stack import Stack
from tests.faults.forms import SEED, Form, full_form
from tests.faults.matrix import Fault, record
from tests.faults.outage import answered_meanwhile, arrived, away
from tests.faults.refusals import refusals_of, refused
from tests.faults.small_disk import OnSmallDisks, empty, fill, on_small_disks
from tests.faults.world import world
from tests.fixtures.own_ports import own_ports

KAFKA_MEGABYTES = 64
MONGO_MEGABYTES = 480  # of which 300 are the journal's, taken when mongod starts
KAFKA_FULL = Fault(
    "Disk full",
    "Kafka's disk full for 40 s",
    "ingest answers 202 meanwhile; all goes out after space has returned and Kafka was started",
)
MONGO_FULL = Fault(
    "Disk full",
    "mongod's disk full",
    "503 with Retry-After meanwhile; none lost when space has returned and mongod was started",
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnSmallDisks]:
    home = tmp_path_factory.mktemp("small-disks")
    with on_small_disks(home, own_ports(24700), kafka=KAFKA_MEGABYTES, mongod=MONGO_MEGABYTES) as made:
        yield made


@pytest.mark.parametrize("form", full_form())
async def test_while_kafkas_disk_is_full_ingest_answers_and_all_goes_out_after(small: OnSmallDisks, form: Form) -> None:
    async with world(small.stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            await there.answered(form.messages // 4, form.seconds)
            running = await there.running()
            filled = fill(small.kafka)
            # Kafka ends itself when the first of its only log directory's files cannot grow
            assert await asyncio.to_thread(small.stack.wait_ended, "kafka", form.seconds)
            meanwhile = await answered_meanwhile(there, away(form))
            early = await arrived(there, meanwhile)
        empty(small.kafka)
        await asyncio.to_thread(small.stack.start, "kafka")
        judgement = await there.over(form.seconds)
    print(f"{running} under way when {filled} bytes were taken, {len(meanwhile)} answered meanwhile")
    print(f"over after {judgement.quiet_after:.1f} s\n{judgement}")
    record(form, KAFKA_FULL, judgement)
    assert running
    assert filled
    assert meanwhile
    assert not early, f"{early} went out without Kafka"
    assert not judgement.violations, str(judgement)


def checkpoint(stack: Stack) -> None:
    """Asks for the checkpoint that comes within a minute anyway: until then mongod lives on what its journal had."""
    client: MongoClient[dict[str, Any]] = MongoClient(stack.env["POSTHORN_MONGO_URL"], serverSelectionTimeoutMS=2000)
    with client, suppress(PyMongoError):  # it ends instead of answering
        client.admin.command("fsync")


@pytest.mark.parametrize("form", full_form())
async def test_while_mongodbs_disk_is_full_ingest_refuses_and_nothing_is_lost(small: OnSmallDisks, form: Form) -> None:
    stack, back = small.stack, asyncio.Event()

    async def load() -> None:
        while not back.is_set():  # a load of one length may be over before mongod is
            await there.load.send(form.messages)

    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(load())
            await there.answered(form.messages // 4, form.seconds)
            running = await there.running()
            filled = await asyncio.to_thread(fill, small.mongod)
            await asyncio.to_thread(checkpoint, stack)
            assert await asyncio.to_thread(stack.wait_ended, "mongod", form.seconds)
            said = stack.log_file("mongod").read_text(errors="replace")
            seen = await refused(there.load, refusals_of(form), form.seconds)
            empty(small.mongod)
            await asyncio.to_thread(stack.start, "mongod")
            back.set()
        judgement = await there.over(form.seconds)
    print(f"{running} under way when {filled} bytes were taken; {seen}; over after {judgement.quiet_after:.1f} s")
    print(judgement)
    record(form, MONGO_FULL, judgement)
    assert running
    assert filled
    assert "No space left on device" in said
    assert not judgement.violations, str(judgement)
