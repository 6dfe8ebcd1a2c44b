"""Whether anything still moves in a Posthorn: only then can be judged that nothing comes any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from shared.mongo.client import make_client, open_database
from shared.settings import SharedSettings

# What stands in a database while something is to come: (service, collection) to the condition.
UNDER_WAY: dict[tuple[str, str], dict[str, Any]] = {
    ("ingest", "submissions"): {"pending": {"$exists": True}},
    ("sender", "deliveries"): {"$or": [{"state": {"$ne": "ended"}}, {"unpublished": {"$exists": True}}]},
    ("webhooks", "jobs"): {"state": "waiting"},
    ("webhooks", "attempts"): {"unpublished": {"$exists": True}},
}


async def under_way(environ: Mapping[str, str]) -> dict[str, int]:
    """What is left to be done, by its place: documents in the databases, unread records of each consumer group."""
    given = {name.removeprefix("POSTHORN_").lower(): text for name, text in environ.items()}
    settings = SharedSettings(**{name: given[name] for name in SharedSettings.model_fields if name in given})  # type: ignore[arg-type]
    client = make_client(settings)
    try:
        left = {
            f"{service}.{collection}": await open_database(client, settings.database(service))[
                collection
            ].count_documents(condition)
            for (service, collection), condition in UNDER_WAY.items()
        }
    finally:
        client.close()
    left |= await _unread(settings)
    return {place: count for place, count in left.items() if count}


async def _unread(settings: SharedSettings) -> dict[str, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap, enable_auto_commit=False)
    await admin.start()
    await consumer.start()
    try:
        unread = {}
        for group in [row[0] for row in await admin.list_consumer_groups()]:
            if group.startswith(settings.topic_prefix):
                offsets = await admin.list_consumer_group_offsets(group)
                ends = await consumer.end_offsets(list(offsets))
                unread[group] = sum(ends[partition] - offset.offset for partition, offset in offsets.items())
        return unread
    finally:
        await consumer.stop()
        await admin.close()
