"""What must be there before the first message: topics and indexes. Safe to run at any time and twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import IndexModel

from services.roles import SERVICES
from shared.content import ContentStore
from shared.contracts.topics import Topic, all_topics
from shared.kafka.security import client_arguments
from shared.mongo import erasures
from shared.mongo.client import create_indexes, open_database
from shared.mongo.entities import INDEXES, Entities
from shared.settings import SharedSettings

CONTENT = "content"
SEGMENT_MS = 12 * 3600 * 1000


@dataclass(frozen=True)
class TopicsMade:
    """Names without the deployment's prefix: topics that were missing, those that got further partitions, and how many
    each has now."""

    created: list[str]
    grown: list[str]
    partitions: Mapping[str, int]


async def create_topics(settings: SharedSettings, topics: Iterable[Topic] | None = None) -> TopicsMade:
    """Makes the topics that are missing, and the partitions that others have too few of.

    A record's partition is that of its key among as many as there are: what is published later may stand in another one
    than what was published before. Every consumer of a keyed topic folds what comes in any order.
    """
    wanted = list(topics or all_topics(settings.topic_partitions))
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await admin.start()
    try:
        there = set(await admin.list_topics())
        missing = [topic for topic in wanted if settings.topic(topic.name) not in there]
        await _create(admin, settings, missing)
        counts = await _counts(admin, settings, [topic for topic in wanted if topic not in missing])
        small = [topic for topic in wanted if counts.get(topic.name, topic.partitions) < topic.partitions]
        await _grow(admin, settings, small)
        partitions = {topic.name: max(topic.partitions, counts.get(topic.name, 0)) for topic in wanted}
        return TopicsMade([topic.name for topic in missing], [topic.name for topic in small], partitions)
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, settings: SharedSettings, missing: list[Topic]) -> None:
    if not missing:
        return
    reply = await admin.create_topics([_new_topic(topic, settings) for topic in missing])
    for name, code, *detail in reply.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise for_code(code)(f"{name}: {detail}")


async def _counts(admin: AIOKafkaAdminClient, settings: SharedSettings, topics: list[Topic]) -> dict[str, int]:
    """How many partitions each of these has."""
    described = await admin.describe_topics([settings.topic(topic.name) for topic in topics]) if topics else []
    found = {each["topic"]: len(each["partitions"]) for each in described}
    return {topic.name: found[settings.topic(topic.name)] for topic in topics}


async def _grow(admin: AIOKafkaAdminClient, settings: SharedSettings, small: list[Topic]) -> None:
    if small:
        await admin.create_partitions({settings.topic(topic.name): NewPartitions(topic.partitions) for topic in small})


def config_of(topic: Topic) -> dict[str, str]:
    """The topic's own settings at Kafka, but for what follows from the number of brokers."""
    config = {"segment.ms": str(SEGMENT_MS), "compression.type": "producer"}
    if topic.retention_ms is None:
        return {**config, "cleanup.policy": "compact"}
    return {**config, "retention.ms": str(topic.retention_ms)}


def topic_config(topic: Topic, settings: SharedSettings) -> dict[str, str]:
    """What Kafka is told of a topic beside its partitions and replicas."""
    return {**config_of(topic), "min.insync.replicas": str(2 if settings.topic_replicas >= 3 else 1)}


def _new_topic(topic: Topic, settings: SharedSettings) -> NewTopic:
    return NewTopic(
        settings.topic(topic.name),
        topic.partitions,
        replication_factor=settings.topic_replicas,
        topic_configs=topic_config(topic, settings),
    )


async def create_all_indexes(client: AsyncIOMotorClient, settings: SharedSettings) -> None:
    """Makes every service's collections and indexes, and the content store's."""
    await asyncio.gather(*(create_service_indexes(client, settings, name) for name in SERVICES))
    content = open_database(client, settings.database(CONTENT))
    for collection, declared in declared_indexes(CONTENT):
        await create_indexes(content[collection], declared)


async def create_service_indexes(client: AsyncIOMotorClient, settings: SharedSettings, name: str) -> None:
    """Makes one service's collections and indexes: its entities, and what its `store.py` declares."""
    database = open_database(client, settings.database(name))
    await Entities(database).create_notices()
    for collection, declared in declared_indexes(name):
        await create_indexes(database[collection], declared)


def declared_indexes(name: str) -> list[tuple[str, Sequence[IndexModel]]]:
    """The indexes of a service's database, by collection."""
    if name == CONTENT:
        return list(ContentStore.INDEXES.items())
    own = import_module(f"services.{name}.store").INDEXES
    return [*INDEXES.items(), *erasures.INDEXES.items(), *own.items()]
