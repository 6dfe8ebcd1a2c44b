"""A connection that ends while it is still being made leaves nothing running; one that was refused comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from services.setup import create_topics
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import SUPPRESSION_CHANGES, Topic
from shared.kafka import broker, connection
from shared.kafka.batch import BatchConsumer, Handler, Incoming
from shared.kafka.connection import KafkaConnection
from shared.kafka.fetching import Fetching
from shared.kafka.publish import Outgoing
from shared.telemetry.tracing import Tracing
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.shared.test_batch import change


async def ignore(batch: list[Incoming[SuppressionChange]]) -> None:
    """Takes anything."""


def a_consumer(kafka: KafkaConnection, deployment: Deployment, name: str, handle: Handler) -> BatchConsumer:
    return BatchConsumer(
        name,
        {SUPPRESSION_CHANGES: SuppressionChange},
        handle,
        settings=deployment.shared,
        publisher=kafka.publisher,
        tracing=Tracing(deployment.shared, "test"),
        fetching=Fetching(wait_ms=10, min_bytes=1, records=100),
    )


@pytest.mark.parametrize("moment", [number * 0.004 for number in range(12)])
async def test_who_stops_while_it_starts_leaves_no_task(deployment: Deployment, moment: float) -> None:
    await deployment.prepare(topics=(SUPPRESSION_CHANGES,))
    before = asyncio.all_tasks()
    kafka = KafkaConnection(deployment.shared, "test")
    for name in ("one", "two"):
        kafka.attach(a_consumer(kafka, deployment, name, ignore))
    async with kafka:
        await asyncio.sleep(moment)  # where the start is then is what is tried, not what is waited for
        await kafka.stop_consuming()

    async def alone() -> bool:
        return asyncio.all_tasks() <= before

    try:
        await eventually(alone, seconds=10, what="the end of every task")
    except AssertionError:
        pytest.fail(f"still there: {asyncio.all_tasks() - before}")


async def test_a_consumer_that_was_refused_is_another_one_soon(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That Kafka refuses, and that rights which are given back are enough, tests/secured/test_lacking.py shows."""
    monkeypatch.setattr(connection, "READMIT_SECONDS", 0.05)
    await deployment.prepare(topics=(SUPPRESSION_CHANGES,))
    heard: list[str] = []

    async def hear(batch: list[Incoming[SuppressionChange]]) -> None:
        heard.extend(incoming.record.change_id for incoming in batch)

    kafka = KafkaConnection(deployment.shared, "test")
    consumer = a_consumer(kafka, deployment, "one", hear)
    kafka.attach(consumer)
    async with kafka:
        await kafka.connected.wait()
        for number in (1, 2):
            record = change(number)
            await kafka.publisher.publish([Outgoing(SUPPRESSION_CHANGES, record.change_id, record.encode())])
            await eventually(lambda: happened(lambda: record.change_id in heard))  # noqa: B023 - within its turn
            consumer.outcast.set()
            await eventually(lambda: happened(lambda: not consumer.outcast.is_set()))
        assert heard == ["change-1", "change-2"]
        await kafka.stop_consuming()


async def test_partitions_that_a_topic_gets_later_are_read_soon(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "METADATA_MS", 100)
    await deployment.prepare(topics=(SUPPRESSION_CHANGES,))
    heard: set[str] = set()

    async def hear(batch: list[Incoming[SuppressionChange]]) -> None:
        heard.update(incoming.record.change_id for incoming in batch)

    kafka = KafkaConnection(deployment.shared, "test")
    kafka.attach(a_consumer(kafka, deployment, "one", hear))
    changes = [change(number) for number in range(20)]
    async with kafka:
        await eventually(lambda: happened(lambda: kafka.ready))
        await create_topics(deployment.shared, [Topic(SUPPRESSION_CHANGES, partitions=2)])
        await deployment.publish(SUPPRESSION_CHANGES, [(each.change_id, each.encode(), {}) for each in changes])
        assert {raw.partition for raw in await deployment.records(SUPPRESSION_CHANGES, len(changes))} == {0, 1}
        await eventually(lambda: happened(lambda: heard == {each.change_id for each in changes}))
        await kafka.stop_consuming()


async def happened(is_so: Callable[[], bool]) -> bool:
    return is_so()
