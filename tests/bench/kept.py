"""What messages take on the servers' disks."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pymongo import MongoClient

from deploy.local.kafka_server import KafkaServer
from deploy.local.stack import Stack
from services.roles import SERVICES
from tests.fixtures.settings import settings_of

LEAST_BYTES = 10


def kept_in_mongo(stack: Stack, messages: int) -> dict[str, int]:
    """Bytes for a message, documents as they are compressed and indexes, by service; what is hardly any is left out."""
    settings = settings_of(stack.env)
    with MongoClient[dict[str, Any]](settings.mongo_url) as client:
        client.admin.command("fsync")
        sizes = {name: client[settings.database(name)].command("dbStats") for name in (*SERVICES, "content")}
    return _each({name: size["storageSize"] + size["indexSize"] for name, size in sizes.items()}, messages)


def kept_on_kafka(stack: Stack, messages: int) -> dict[str, int]:
    """Bytes for a message in one replica, as they are compressed, by topic."""
    prefix, sizes = stack.env.get("POSTHORN_TOPIC_PREFIX", ""), Counter[str]()
    for segment in KafkaServer(stack.home, 0, 0).data.glob(f"{prefix}*/*.log"):
        sizes[segment.parent.name.removeprefix(prefix).rpartition("-")[0]] += segment.stat().st_size
    return _each(sizes, messages)


def _each(sizes: dict[str, float] | Counter[str], messages: int) -> dict[str, int]:
    each = {name: round(size / messages) for name, size in sizes.items()}
    return {name: size for name, size in sorted(each.items()) if size >= LEAST_BYTES}
