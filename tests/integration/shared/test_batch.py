"""Raw batches on a real broker: what is good is handled, what is not is dead-lettered, and what waits is not lost."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from pymongo.errors import AutoReconnect

from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import SUPPRESSION_CHANGES, dead_letters
from shared.kafka.batch import BatchConsumer, Incoming
from shared.kafka.connection import KafkaConnection
from shared.kafka.dead_letter import read_dead_letters, replay, text_headers
from shared.kafka.fetching import Fetching
from shared.kafka.publish import MAX_RECORD_BYTES, Outgoing
from shared.telemetry.tracing import Tracing
from tests.fixtures.deployment import Deployment, eventually

TOPICS = (SUPPRESSION_CHANGES, dead_letters(SUPPRESSION_CHANGES))


def change(number: int, reason: str = "manual") -> SuppressionChange:
    return SuppressionChange(
        change_id=f"change-{number}",
        scope="platform",
        address_hmac="00",
        change="added",
        reason=reason,
        occurred_at="2026-01-01T00:00:00Z",  # type: ignore[arg-type]
    )


class Consumed:
    """Collects what one consumer handles; `fail` decides what it raises."""

    def __init__(self, deployment: Deployment, age: float = 0.0, tracing: Tracing | None = None) -> None:
        self.ages: list[float] = []
        self.kafka = KafkaConnection(deployment.shared, "test", tracing)
        self.seen: list[str] = []
        self.batches: list[int] = []
        self.fail = lambda record: None
        self.kafka.attach(
            BatchConsumer(
                "test",
                {SUPPRESSION_CHANGES: SuppressionChange},
                self.handle,
                settings=deployment.shared,
                publisher=self.kafka.publisher,
                tracing=tracing or Tracing(deployment.shared, "test"),
                fetching=Fetching(wait_ms=10, min_bytes=1, records=100, age=age),
            )
        )

    async def handle(self, batch: list[Incoming[SuppressionChange]]) -> None:
        for incoming in batch:
            self.fail(incoming.record)
        self.batches.append(len(batch))
        self.ages += [time.time() - incoming.raw.timestamp / 1000 for incoming in batch]
        self.seen += [incoming.record.change_id for incoming in batch]

    async def __aenter__(self) -> Consumed:
        await self.kafka.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kafka.stop_consuming()
        await self.kafka.__aexit__(None, None, None)

    async def has(self, *ids: str) -> None:
        async def seen() -> bool:
            return set(ids) <= set(self.seen)

        await eventually(seen, what=f"handling of {ids}")


async def test_undecodable_records_go_to_the_dead_letters_and_their_neighbours_go_on(deployment: Deployment) -> None:
    await deployment.prepare(topics=TOPICS)
    good = change(1).encode()
    await deployment.publish(SUPPRESSION_CHANGES, [("a", b"not json", {"x": "1"}), ("b", good, {}), ("c", b"{}", {})])
    async with Consumed(deployment) as consumed:
        await consumed.has("change-1")
        dead = await deployment.records(dead_letters(SUPPRESSION_CHANGES), at_least=2)
    assert [record.key for record in dead] == [b"a", b"c"]
    assert dead[0].value == b"not json"
    headers = text_headers(dead[0])
    assert headers["x"] == "1"
    assert headers["dlq.reason"] == "undecodable"
    assert headers["dlq.origin"] == f"{SUPPRESSION_CHANGES}/0/0"


async def test_a_batch_may_be_handled_at_an_age_and_is_given_back_by_who_stops_before(deployment: Deployment) -> None:
    await deployment.prepare(topics=TOPICS)
    await deployment.publish(SUPPRESSION_CHANGES, [("a", change(1).encode(), {})])
    async with Consumed(deployment, age=1.0) as consumed:
        await consumed.has("change-1")
        assert min(consumed.ages) >= 1.0
    async with Consumed(deployment, age=600.0) as patient:
        await deployment.publish(SUPPRESSION_CHANGES, [("b", change(2).encode(), {})])

        async def waits() -> bool:
            return not patient.kafka.consumers[0].idle.is_set()

        await eventually(waits)
    assert not patient.seen
    async with Consumed(deployment) as next_owner:
        await next_owner.has("change-2")


async def test_a_null_header_does_not_lose_its_batch(deployment: Deployment) -> None:
    await deployment.prepare(topics=TOPICS)
    producer = AIOKafkaProducer(bootstrap_servers=deployment.shared.kafka_bootstrap)
    await producer.start()
    topic = deployment.shared.topic(SUPPRESSION_CHANGES)
    await producer.send(topic, change(1).encode(), headers=[("broken", None), ("bytes", b"\xff")])
    await producer.send_and_wait(topic, change(2).encode())
    await producer.stop()
    async with Consumed(deployment) as consumed:
        await consumed.has("change-1", "change-2")


async def test_a_record_that_breaks_its_handler_is_found_among_its_neighbours(deployment: Deployment) -> None:
    await deployment.prepare(topics=TOPICS)
    records = [change(number, "poison" if number == 7 else "manual") for number in range(12)]
    await deployment.publish(SUPPRESSION_CHANGES, [(record.change_id, record.encode(), {}) for record in records])
    consumed = Consumed(deployment)

    def fail(record: SuppressionChange) -> None:
        if record.reason == "poison":
            raise ValueError("a bug of ours")

    consumed.fail = fail  # type: ignore[assignment]
    async with consumed:
        await consumed.has(*(f"change-{number}" for number in range(12) if number != 7))
        dead = await deployment.records(dead_letters(SUPPRESSION_CHANGES), at_least=1)
    assert [record.key for record in dead] == [b"change-7"]
    assert text_headers(dead[0])["dlq.reason"] == "handler"
    assert "change-7" not in consumed.seen


async def test_infrastructure_that_is_away_is_waited_for_and_nothing_is_committed(deployment: Deployment) -> None:
    await deployment.prepare(topics=TOPICS)
    await deployment.publish(SUPPRESSION_CHANGES, [("a", change(1).encode(), {})])
    tries = 0
    consumed = Consumed(deployment)

    def away(_: SuppressionChange) -> None:
        nonlocal tries
        tries += 1
        raise AutoReconnect("mongod is away")

    consumed.fail = away  # type: ignore[assignment]
    async with consumed:

        async def tried() -> bool:
            return tries >= 3

        await eventually(tried)
        assert consumed.seen == []
        assert await committed(deployment) is None
    assert await committed(deployment) is None

    again = Consumed(deployment)
    async with again:
        await again.has("change-1")

        async def has_committed() -> bool:
            return await committed(deployment) == 1

        await eventually(has_committed)
    assert await deployment.records(dead_letters(SUPPRESSION_CHANGES)) == []


async def committed(deployment: Deployment) -> int | None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=deployment.shared.kafka_bootstrap, group_id=deployment.shared.group("test"),
        enable_auto_commit=False,
    )  # fmt: skip
    await consumer.start()
    try:
        return await consumer.committed(TopicPartition(deployment.shared.topic(SUPPRESSION_CHANGES), 0))  # type: ignore[no-any-return]
    finally:
        await consumer.stop()


async def test_records_that_are_too_large_are_refused_and_the_others_published(deployment: Deployment) -> None:
    await deployment.prepare(topics=TOPICS)
    async with KafkaConnection(deployment.shared, "test") as kafka:
        await asyncio.wait_for(kafka.connected.wait(), 20)
        large = Outgoing(SUPPRESSION_CHANGES, "large", b"x" * (MAX_RECORD_BYTES + 1))
        small = Outgoing(SUPPRESSION_CHANGES, "small", b"{}", {"traceparent": "00-1-1-01"})
        assert await kafka.publisher.publish([large, small]) == [large]
    records = await deployment.records(SUPPRESSION_CHANGES, at_least=1)
    assert [record.key for record in records] == [b"small"]
    assert text_headers(records[0])["traceparent"] == "00-1-1-01"


@pytest.mark.parametrize("count", [1, 3])
async def test_dead_letters_come_back_without_their_reasons(deployment: Deployment, count: int) -> None:
    await deployment.prepare(topics=TOPICS)
    headers = {"dlq.reason": "handler", "dlq.origin": "x/0/0", "kept": "yes"}
    letters = [(f"k{number}", change(number).encode(), headers) for number in range(count)]
    await deployment.publish(dead_letters(SUPPRESSION_CHANGES), letters)
    read = [record async for record in read_dead_letters(deployment.shared, SUPPRESSION_CHANGES)]
    async with KafkaConnection(deployment.shared, "test") as kafka:
        await asyncio.wait_for(kafka.connected.wait(), 20)
        assert await replay(kafka.publisher, SUPPRESSION_CHANGES, read) == count
    back = await deployment.records(SUPPRESSION_CHANGES, at_least=count)
    assert [text_headers(record).get("kept") for record in back] == ["yes"] * count
    assert not any(name.startswith("dlq.") for record in back for name in text_headers(record))
