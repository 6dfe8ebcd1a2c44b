"""Dead letters: what cannot be processed goes to `<topic>.dlq` with its reason and origin, and can come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient

from shared.contracts.record import rfc3339
from shared.contracts.topics import dead_letters
from shared.kafka.publish import Outgoing, Publisher
from shared.settings import SharedSettings

REASON, EXCEPTION, ORIGIN, GROUP, FAILED_AT = "dlq.reason", "dlq.exception", "dlq.origin", "dlq.group", "dlq.failed_at"
MAX_EXCEPTION = 1000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that failed: `reason` is `undecodable` or `handler`, `exception` the error's text."""

    record: ConsumerRecord
    topic: str
    group: str
    reason: str
    exception: str

    def outgoing(self) -> Outgoing:
        """The record for the dead-letter topic: key, value and headers as they were, the reason beside them."""
        headers = text_headers(self.record)
        headers |= {
            REASON: self.reason,
            EXCEPTION: self.exception[:MAX_EXCEPTION],
            ORIGIN: f"{self.topic}/{self.record.partition}/{self.record.offset}",
            GROUP: self.group,
            FAILED_AT: rfc3339(datetime.now(UTC)),
        }
        key = (self.record.key or b"").decode(errors="replace")
        return Outgoing(dead_letters(self.topic), key, self.record.value, headers)


def text_headers(record: ConsumerRecord) -> dict[str, str]:
    """A record's headers as text; a null or broken value is dropped, not fatal."""
    headers: dict[str, str] = {}
    for name, value in record.headers:
        if value is not None:
            headers[name] = value.decode(errors="replace")
    return headers


async def read_dead_letters(settings: SharedSettings, topic: str) -> AsyncIterator[ConsumerRecord]:
    """Every record on a topic's dead-letter topic, oldest first, up to its end as it is now.

    Raises aiokafka's UnknownTopicOrPartitionError where there is no such topic.
    """
    name = settings.topic(dead_letters(topic))
    consumer = AIOKafkaConsumer(
        name,
        bootstrap_servers=settings.kafka_bootstrap.split(","),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        partitions = sorted(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                for record in (await consumer.getmany(partition, timeout_ms=500)).get(partition, ()):
                    yield record
    finally:
        await consumer.stop()


async def count_dead_letters(settings: SharedSettings, topics: Iterable[str]) -> dict[str, int]:
    """How many dead letters each of the topics has; those without a dead-letter topic are left out."""
    servers = settings.kafka_bootstrap.split(",")
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        await admin.start()
        there = set(await admin.list_topics())
    finally:
        await admin.close()
    of_topic = {topic: settings.topic(dead_letters(topic)) for topic in topics}
    of_topic = {topic: name for topic, name in of_topic.items() if name in there}
    if not of_topic:
        return {}
    consumer = AIOKafkaConsumer(*of_topic.values(), bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = sorted(consumer.assignment())
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        return {
            topic: sum(ends[each] - begins[each] for each in partitions if each.topic == name)
            for topic, name in of_topic.items()
        }
    finally:
        await consumer.stop()


async def replay(publisher: Publisher, topic: str, records: list[ConsumerRecord]) -> int:
    """Publishes dead letters to the topic that they came from, without the `dlq.*` headers; returns how many.

    Nothing is removed: every stage recognises what it has done, so a second replay changes nothing.
    """
    outgoing = []
    for record in records:
        headers = {name: value for name, value in text_headers(record).items() if not name.startswith("dlq.")}
        outgoing.append(Outgoing(topic, (record.key or b"").decode(errors="replace"), record.value, headers))
    refused = await publisher.publish(outgoing)
    return len(outgoing) - len(refused)
