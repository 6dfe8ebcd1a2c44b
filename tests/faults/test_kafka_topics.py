"""A topic is deleted with mail in it and made again: the sweeper misses what was lost, and everything ends right.

POSTHORN_TEST_SEED chooses another load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from deploy.local.stack import Stack
from shared.contracts.topics import Lane, accepted, routed
from tests.faults.forms import SEED, Form, full_form
from tests.faults.judge import DUPLICATED, LOST
from tests.faults.matrix import Fault, record
from tests.faults.outage import delete_topic, make_topics, unread
from tests.faults.world import world
from tests.fixtures.deployment import eventually

SWEEPING = {"POSTHORN_SWEEP_FIRST_SECONDS": "5", "POSTHORN_SWEEP_LONGEST_SECONDS": "10"}
PROMISED = "none lost, none silent, final states right"
RULES = LOST | DUPLICATED | {"ended otherwise"}


@dataclass(frozen=True)
class Lost:
    """A topic, the process that reads it on the mail's way, and that reader's group."""

    topic: str
    reader: str
    group: str


ACCEPTED = Lost(accepted(Lane.STANDARD), "router", "posthorn.router.route.standard")
ROUTED = Lost(routed(Lane.STANDARD), "suppression", "posthorn.suppression.check.standard")


@pytest.fixture
def stack(stack: Stack) -> Iterator[Stack]:
    """The shared stack with a sweeper that looks after seconds instead of a quarter of an hour."""
    stack.stop("ingest")
    stack.start("ingest", environ=SWEEPING)
    yield stack
    stack.stop("ingest")
    stack.start("ingest")


@pytest.mark.parametrize("form", full_form())
@pytest.mark.parametrize("lost", [ROUTED, ACCEPTED], ids=["routed", "accepted"])
async def test_what_a_deleted_topic_held_is_published_again(stack: Stack, lost: Lost, form: Form) -> None:
    kafka = stack.env["POSTHORN_KAFKA_BOOTSTRAP"]

    async def standing() -> int:
        count = await unread(kafka, lost.topic, lost.group)
        return count if count >= form.messages // 8 else 0

    async with world(stack, SEED) as there:
        await asyncio.to_thread(stack.stop, lost.reader)
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            gone = await eventually(standing, seconds=form.seconds, every=0.2, what=f"unread records of {lost.topic}")
            await delete_topic(kafka, lost.topic)
        assert await asyncio.to_thread(make_topics, stack) == [lost.topic]
        await asyncio.to_thread(stack.start, lost.reader)
        judgement = await there.over(form.seconds, whole_topics=lost is not ACCEPTED)
    if lost is ACCEPTED:
        # webhooks reads it too, and has lost its place: of records that are gone no `accepted` webhook is promised
        judgement.violations = [each for each in judgement.violations if each.rule in RULES]
    print(f"{gone} records of {lost.topic} lost; over after {judgement.quiet_after:.1f} s\n{judgement}")
    record(form, Fault("Kafka", f"{lost.topic} deleted with mail in it", PROMISED), judgement)
    assert not judgement.violations, str(judgement)
