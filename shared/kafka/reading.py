"""Reading topics from their first record on, outside any consumer group: nothing is committed, nobody is disturbed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from datetime import datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code

from shared.kafka.security import client_arguments
from shared.settings import SharedSettings

POLL_MS = 500
# A broker answers a connection's requests one after the other: what asks for offsets waits behind a fetch that waits.
FETCH_WAIT_MS = 50


Offsets = dict[tuple[str, int], int]
"""The next offset to read, by topic (with the prefix) and partition."""


async def read_topics(
    settings: SharedSettings, topics: Collection[str], since: datetime | None = None, begin: Offsets | None = None
) -> AsyncGenerator[list[ConsumerRecord], None]:
    """Every record of the topics (named without the prefix) up to their ends as they are now, in batches; with `since`
    those published then or later. The partitions that `begin` names are read from there on.

    The records of a partition come in their order. Raises aiokafka's UnknownTopicOrPartitionError for a topic that is
    not there.
    """
    partitions = await _partitions(settings, topics)
    consumer = AIOKafkaConsumer(
        **client_arguments(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        if since is not None:
            moment = round(since.timestamp() * 1000)
            for each, found in (await consumer.offsets_for_times(dict.fromkeys(ends, moment))).items():
                consumer.seek(each, found.offset if found else ends[each])
        for (topic, partition), offset in (begin or {}).items():
            if (each := TopicPartition(topic, partition)) in ends:
                consumer.seek(each, offset)
        unread = list(ends)
        while unread := [each for each in unread if await consumer.position(each) < ends[each]]:
            found = await consumer.getmany(*unread, timeout_ms=POLL_MS)
            batch = [record for each, records in found.items() for record in records if record.offset < ends[each]]
            if batch:
                yield batch
    finally:
        await consumer.stop()


async def _partitions(settings: SharedSettings, topics: Collection[str]) -> list[TopicPartition]:
    """The topics' partitions: a consumer of a topic that is not there asks for it for 40 seconds before it says so."""
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    try:
        await admin.start()
        described = await admin.describe_topics([settings.topic(name) for name in topics])
    finally:
        await admin.close()
    for topic in described:
        if code := topic["error_code"]:
            raise for_code(code)(topic["topic"])
    return [TopicPartition(topic["topic"], each["partition"]) for topic in described for each in topic["partitions"]]
