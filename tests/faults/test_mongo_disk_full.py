"""MongoDB's disk is full: it ends itself, ingest answers 503 meanwhile, and nothing is lost when there is space again.

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
from tests.faults.forms import SEED, Form, forms
from tests.faults.matrix import Fault, record
from tests.faults.refusals import refusals_of, refused
from tests.faults.small_disk import OnSmallDisk, empty, fill, on_small_disk
from tests.faults.world import world
from tests.fixtures.own_ports import own_ports

MEGABYTES = 480  # of which 300 are the journal's, taken when mongod starts

FULL = Fault(
    "Disk full",
    "mongod's disk full",
    "503 with Retry-After meanwhile; none lost when space has returned and mongod was started",
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnSmallDisk]:
    with on_small_disk(tmp_path_factory.mktemp("small-mongo"), "mongod", MEGABYTES, own_ports(25100)) as made:
        yield made


def checkpoint(stack: Stack) -> None:
    """Asks for the checkpoint that comes within a minute anyway: until then mongod lives on what its journal had."""
    client: MongoClient[dict[str, Any]] = MongoClient(stack.env["POSTHORN_MONGO_URL"], serverSelectionTimeoutMS=2000)
    with client, suppress(PyMongoError):  # it ends instead of answering
        client.admin.command("fsync")


@pytest.mark.parametrize("form", forms())
async def test_while_mongodbs_disk_is_full_ingest_refuses_and_nothing_is_lost(small: OnSmallDisk, form: Form) -> None:
    stack = small.stack
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            await there.answered(form.messages // 4, form.seconds)
            running = await there.running()
            filled = fill(small.disk)
            await asyncio.to_thread(checkpoint, stack)
            assert await asyncio.to_thread(stack.wait_ended, "mongod", form.seconds)
            said = stack.log_file("mongod").read_text(errors="replace")
            seen = await refused(there.load, refusals_of(form), form.seconds)
            empty(small.disk)
            await asyncio.to_thread(stack.start, "mongod")
        judgement = await there.over(form.seconds)
    print(f"{running} under way when {filled} bytes were taken; {seen}; over after {judgement.quiet_after:.1f} s")
    print(judgement)
    record(form, FULL, judgement)
    assert running
    assert filled
    assert "No space left on device" in said
    assert not judgement.violations, str(judgement)
