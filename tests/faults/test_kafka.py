"""Kafka is killed, and halted: ingest goes on answering, and everything goes out after.

POSTHORN_TEST_SEED chooses another load.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from deploy.local.processes import wait_until
from deploy.local.stack import Stack
from services.setup import create_topics
from shared.contracts.topics import Topic
from shared.kafka.publish import Outgoing, Publisher, PublishUnknownError
from tests.faults.forms import SEED, Form, forms, full_form
from tests.faults.load import CERTAIN
from tests.faults.matrix import Fault, record
from tests.faults.outage import answered_meanwhile, arrived, away, delete_topic, end_of
from tests.faults.world import world
from tests.fixtures.deployment import eventually
from tests.fixtures.settings import settings_of

AGAIN = "test.again"
# what has consumers or loops that publish, and how long a local stack gives it to end
CLIENTS = ("ingest", "router", "suppression", "sender", "webhooks")
MESSAGES, SECONDS, STOP_SECONDS = 240, 120, 45
KIND = "Kafka"
FAULTS = {signal.SIGKILL: "Kafka killed with kill -9 for 40 s", signal.SIGSTOP: "Kafka halted with SIGSTOP for 40 s"}
PROMISED = "ingest answers 202 meanwhile; all goes out after"


@contextmanager
def without_kafka(stack: Stack, number: signal.Signals) -> Iterator[None]:
    """Kafka is killed and started again, or stands still for as long as the block takes."""
    pid = stack.pid("kafka")
    stack.kill("kafka", number)
    try:
        if number == signal.SIGKILL:
            assert stack.pid("kafka") is None
        else:
            assert wait_until(lambda: _state(pid) == "T", 10), f"Kafka is {_state(pid)}"
        yield
    finally:
        if number == signal.SIGKILL:
            stack.start("kafka")
        else:
            stack.kill("kafka", signal.SIGCONT)


def _state(pid: int | None) -> str:
    """A process's state as in proc(5): R, S, T (stopped by a signal), …"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize(
    ("number", "form"),
    [
        *(pytest.param(signal.SIGKILL, *each.values, id=f"killed-{each.id}", marks=each.marks) for each in forms()),
        *(pytest.param(signal.SIGSTOP, *each.values, id=f"halted-{each.id}", marks=each.marks) for each in full_form()),
    ],
)
async def test_while_kafka_is_away_ingest_answers_and_all_goes_out_after(
    stack: Stack, number: signal.Signals, form: Form
) -> None:
    async with world(stack, SEED) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(form.messages))
            await there.answered(form.messages // 4, form.seconds)
            with without_kafka(stack, number):
                running = await there.running()
                meanwhile = await answered_meanwhile(there, away(form))
                early = await arrived(there, meanwhile)
        judgement = await there.over(form.seconds)
    print(f"{running} under way, {len(meanwhile)} answered meanwhile; over after {judgement.quiet_after:.1f} s")
    print(judgement)
    record(form, Fault(KIND, FAULTS[number], PROMISED), judgement)
    assert running
    assert meanwhile
    assert not early, f"{early} went out without Kafka"
    assert not judgement.violations, str(judgement)


@pytest.mark.verify
@pytest.mark.timeout(300)
async def test_processes_stop_in_time_while_kafka_stands_still(stack: Stack) -> None:
    """In the middle of a load, so that they have batches and publications under way."""
    async with world(stack, SEED, mix=CERTAIN) as there:
        async with asyncio.TaskGroup() as group:
            group.create_task(there.load.send(MESSAGES))
            await there.answered(MESSAGES // 2, SECONDS)
            with without_kafka(stack, signal.SIGSTOP):
                running = await there.running()
                for name in CLIENTS:
                    stack.kill(name, signal.SIGTERM)
                ends = [asyncio.to_thread(stack.wait_ended, name, STOP_SECONDS) for name in CLIENTS]
                ended = dict(zip(CLIENTS, await asyncio.gather(*ends), strict=True))
        await asyncio.to_thread(stack.up)
        judgement = await there.over(SECONDS)
    print(f"{running} under way\n{judgement}")
    assert running
    assert all(ended.values()), ended
    assert not judgement.violations, str(judgement)


async def test_what_is_tried_again_while_kafka_is_away_does_not_pile_up(stack: Stack) -> None:
    """A stage gives its producer the same records again and again; one copy waits there, and one comes after it."""
    settings = settings_of(stack.env)
    await create_topics(settings, [Topic(AGAIN, partitions=2)])
    publisher = Publisher(settings, "test", deadline=0.5)
    records = [Outgoing(AGAIN, str(number), b"again" * 20) for number in range(100)]

    async def published() -> bool:
        with suppress(PublishUnknownError):
            await publisher.publish(records)
            return True
        return False

    try:
        await eventually(published, what="a first publication")
        before = await end_of(settings.kafka_bootstrap, AGAIN)
        with without_kafka(stack, signal.SIGSTOP):
            for _ in range(10):
                with pytest.raises(PublishUnknownError):
                    await publisher.publish(records)
        await eventually(published, seconds=60, what="a publication after the outage")
        assert len(records) < await end_of(settings.kafka_bootstrap, AGAIN) - before <= 2 * len(records)
    finally:
        await publisher.close()
        await delete_topic(settings.kafka_bootstrap, AGAIN)
