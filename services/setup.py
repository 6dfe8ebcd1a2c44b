"""What must be there before the first message: topics and indexes. Safe to run at any time and twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib import import_module

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from motor.motor_asyncio import AsyncIOMotorClient

from services.roles import SERVICES
from shared.content import ContentStore
from shared.contracts.topics import Topic, all_topics
from shared.mongo import erasures
from shared.mongo.client import create_indexes, open_database
from shared.mongo.entities import INDEXES, Entities
from shared.settings import SharedSettings

SEGMENT_MS = 12 * 3600 * 1000


async def create_topics(settings: SharedSettings, topics: Iterable[Topic] | None = None) -> list[str]:
    """Makes the topics that are missing; returns their names."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap.split(","))
    await admin.start()
    try:
        there = set(await admin.list_topics())
        wanted = [topic for topic in (topics or all_topics()) if settings.topic(topic.name) not in there]
        if not wanted:
            return []
        reply = await admin.create_topics([_new_topic(topic, settings) for topic in wanted])
        for name, code, *detail in reply.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise for_code(code)(f"{name}: {detail}")
        return [topic.name for topic in wanted]
    finally:
        await admin.close()


def _new_topic(topic: Topic, settings: SharedSettings) -> NewTopic:
    config = {
        "segment.ms": str(SEGMENT_MS),
        "min.insync.replicas": str(2 if settings.topic_replicas >= 3 else 1),
        "compression.type": "producer",
    }
    if topic.retention_ms is None:
        config["cleanup.policy"] = "compact"
    else:
        config["retention.ms"] = str(topic.retention_ms)
    return NewTopic(
        settings.topic(topic.name), topic.partitions, replication_factor=settings.topic_replicas, topic_configs=config
    )


async def create_all_indexes(client: AsyncIOMotorClient, settings: SharedSettings) -> None:
    """Makes every service's collections and indexes, and the content store's."""
    await asyncio.gather(*(create_service_indexes(client, settings, name) for name in SERVICES))
    content = open_database(client, settings.database("content"))
    for collection, declared in ContentStore.INDEXES.items():
        await create_indexes(content[collection], declared)


async def create_service_indexes(client: AsyncIOMotorClient, settings: SharedSettings, name: str) -> None:
    """Makes one service's collections and indexes: its entities, and what its `store.py` declares."""
    database = open_database(client, settings.database(name))
    await Entities(database).create_notices()
    for kind, indexes in INDEXES.items():
        await create_indexes(database[kind], indexes)
    for collection, declared in (*erasures.INDEXES.items(), *import_module(f"services.{name}.store").INDEXES.items()):
        await create_indexes(database[collection], declared)
