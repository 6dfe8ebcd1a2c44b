"""Whether anything still moves in a Posthorn: only then can be judged that nothing comes any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.mongo.client import make_client, open_database
from shared.settings import SharedSettings
from tests.fixtures.settings import settings_of

# What stands in a database while something is to come: (service, collection) to the condition.
UNDER_WAY: dict[tuple[str, str], dict[str, Any]] = {
    ("ingest", "submissions"): {"pending": {"$exists": True}},
    ("sender", "deliveries"): {"$or": [{"state": {"$ne": "ended"}}, {"unpublished": {"$exists": True}}]},
    ("webhooks", "jobs"): {"state": "waiting"},
    ("webhooks", "tasks"): {"open": True},
    ("webhooks", "attempts"): {"unpublished": {"$exists": True}},
}


async def under_way(environ: Mapping[str, str]) -> dict[str, int]:
    """What is left to be done, by its place: documents in the databases, unread records of each consumer group.

    Work goes from a topic to a database and back, so neither says enough alone: topics are looked at first, then
    databases, then whether anything was published in between.
    """
    settings = settings_of(environ)
    async with consumer_groups(settings) as groups:
        before = await groups.ends()
        left = await groups.unread(before)
        left |= await _documents(settings)
        after = await groups.ends()
    left["published meanwhile"] = sum(after.values()) - sum(before.values())
    return {place: count for place, count in left.items() if count}


async def _documents(settings: SharedSettings) -> dict[str, int]:
    client = make_client(settings)
    try:
        return {
            f"{service}.{collection}": await open_database(client, settings.database(service))[
                collection
            ].count_documents(condition)
            for (service, collection), condition in UNDER_WAY.items()
        }
    finally:
        client.close()


class Groups:
    """The consumer groups of a deployment, and what they have committed."""

    def __init__(self, consumer: AIOKafkaConsumer, committed: Mapping[str, Mapping[TopicPartition, int]]) -> None:
        self._consumer = consumer
        self._committed = committed

    async def ends(self) -> dict[TopicPartition, int]:
        partitions = {partition for offsets in self._committed.values() for partition in offsets}
        return dict(await self._consumer.end_offsets(list(partitions)))

    async def unread(self, ends: Mapping[TopicPartition, int]) -> dict[str, int]:
        """By group, how many records it has not committed of those up to `ends`."""
        return {
            group: sum(max(0, ends[partition] - offset) for partition, offset in offsets.items())
            for group, offsets in self._committed.items()
        }


@asynccontextmanager
async def consumer_groups(settings: SharedSettings) -> AsyncIterator[Groups]:
    """The groups with what they have committed by now."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap, enable_auto_commit=False)
    await admin.start()
    await consumer.start()
    try:
        names = [row[0] for row in await admin.list_consumer_groups() if row[0].startswith(settings.topic_prefix)]
        await consumer.topics()
        yield Groups(consumer, {name: await _committed(admin, consumer, name) for name in names})
    finally:
        await consumer.stop()
        await admin.close()


async def _committed(admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str) -> dict[TopicPartition, int]:
    """What a group has committed; of partitions that it never did, the first offset."""
    offsets = await admin.list_consumer_group_offsets(group)
    committed = {partition: offset.offset for partition, offset in offsets.items()}
    topics = {partition.topic: consumer.partitions_for_topic(partition.topic) or () for partition in committed}
    there = {TopicPartition(topic, number) for topic, numbers in topics.items() for number in numbers}
    return {**await consumer.beginning_offsets(list(there - committed.keys())), **committed}
