"""Dead letters: what cannot be processed goes to `<topic>.dlq` with its reason and origin, and can come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.contracts.record import rfc3339
from shared.contracts.topics import dead_letters
from shared.kafka.publish import Outgoing, Publisher
from shared.kafka.reading import read_topics
from shared.kafka.security import client_arguments
from shared.settings import SharedSettings

REASON, EXCEPTION, ORIGIN, GROUP, FAILED_AT = "dlq.reason", "dlq.exception", "dlq.origin", "dlq.group", "dlq.failed_at"
REASONS = ("undecodable", "handler")
MAX_EXCEPTION = 1000
AT_ONCE = 1000  # records whose acknowledgements a replay waits for together: there is a deadline for them


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that failed: `reason` is one of REASONS, `exception` the error's text."""

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
    async for batch in read_topics(settings, [dead_letters(topic)]):
        for record in batch:
            yield record


async def count_dead_letters(settings: SharedSettings, topics: Iterable[str]) -> dict[str, int]:
    """How many dead letters each of the topics has; those without a dead-letter topic are left out, as are those that
    the user may not ask about. Reads nothing of them."""
    of_name = {settings.topic(dead_letters(topic)): topic for topic in topics}
    arguments = client_arguments(settings)
    admin, consumer = AIOKafkaAdminClient(**arguments), AIOKafkaConsumer(**arguments)
    try:
        await admin.start()
        there = sorted(of_name.keys() & set(await admin.list_topics()))
        described = await admin.describe_topics(there) if there else []
        places = [TopicPartition(each["topic"], part["partition"]) for each in described for part in each["partitions"]]
        if not places:
            return {}
        await consumer.start()
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    finally:
        await admin.close()
        await consumer.stop()
    counts = Counter(dict.fromkeys((of_name[name] for name in there), 0))
    for place in places:
        counts[of_name[place.topic]] += ends[place] - begins[place]
    return dict(counts)


async def replay(publisher: Publisher, topic: str, records: list[ConsumerRecord]) -> int:
    """Publishes dead letters to the topic that they came from, without the `dlq.*` headers; returns how many.

    Nothing is removed: every stage recognises what it has done, so a second replay changes nothing.
    """
    count = 0
    for start in range(0, len(records), AT_ONCE):
        outgoing = [_as_it_came(topic, record) for record in records[start : start + AT_ONCE]]
        count += len(outgoing) - len(await publisher.publish(outgoing))
    return count


def _as_it_came(topic: str, record: ConsumerRecord) -> Outgoing:
    headers = {name: value for name, value in text_headers(record).items() if not name.startswith("dlq.")}
    return Outgoing(topic, (record.key or b"").decode(errors="replace"), record.value, headers)
