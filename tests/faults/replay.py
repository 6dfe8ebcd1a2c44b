"""Records of a running Posthorn published once more, and what stands in all of its databases."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaProducer, ConsumerRecord
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorCollection

from services.ingest.store.messages import COLLECTION
from shared.contracts.commands import Command, CommandType
from shared.contracts.messages import Message
from shared.contracts.topics import COMMANDS
from shared.kafka.dead_letter import DeadLetter, read_dead_letters, replay
from shared.kafka.publish import Outgoing, Publisher
from shared.kafka.reading import read_topics
from shared.mongo.client import make_client, open_database
from shared.settings import SharedSettings

# Who works now, and since when, and whose key was used last: no part of any message's life. Of health what is made anew
# of its slots as time goes on; the slots themselves are compared. Activity counts what is read again once, but what is
# published again twice (decision 0014).
VOLATILE = {
    *("leases", "destinations", "entity_changes", "last_uses", "activity"),
    *("health_hours", "health_breakers", "health_standings"),
}


async def everything(
    settings: SharedSettings, topics: Iterable[str], since: datetime | None = None
) -> list[ConsumerRecord]:
    """Every record of the topics, from the first on; with `since` from those published then."""
    return [record async for batch in read_topics(settings, list(topics), since) for record in batch]


async def publish_again(settings: SharedSettings, records: Iterable[ConsumerRecord]) -> None:
    """Publishes the records where they are already, with their keys and headers."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, acks="all")
    async with producer:
        for record in records:
            await producer.send(record.topic, record.value, record.key, headers=list(record.headers))
        await producer.flush()


async def publish(settings: SharedSettings, records: Iterable[Outgoing]) -> None:
    """Publishes records as a foreign producer does."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, acks="all")
    async with producer:
        for record in records:
            headers = [(name, text.encode()) for name, text in record.headers.items()]
            await producer.send(settings.topic(record.topic), record.value, record.key.encode(), headers=headers)
        await producer.flush()


async def replay_dead_letters(settings: SharedSettings, topic: str) -> int:
    """Replays all dead letters of a topic; returns how many there are."""
    publisher = Publisher(settings, "test")
    try:
        letters = [letter async for letter in read_dead_letters(settings, topic)]
        return await replay(publisher, topic, letters)
    finally:
        await publisher.close()


def buried(settings: SharedSettings, record: ConsumerRecord) -> Outgoing:
    """A record as its topic's dead letters would have it from a consumer that has failed three times."""
    topic = record.topic.removeprefix(settings.topic_prefix)
    return DeadLetter(record, topic, "a group", "handler", "RuntimeError: failed once").outgoing()


def expiry(record: ConsumerRecord) -> Outgoing:
    """The command that ends the message of a record on `mail.accepted.*`, wherever it is."""
    message = Message.decode(record.value)
    command = Command(
        command_id=str(uuid.uuid4()), type=CommandType.EXPIRE, occurred_at=message.expires_at, message=message
    )
    return Outgoing(COMMANDS, message.message_id, command.encode())


async def state(settings: SharedSettings) -> dict[tuple[str, str, str], str]:
    """A digest of every document by database, collection and id, but of those that say who works now."""
    client = make_client(settings)
    codec = CodecOptions(document_class=RawBSONDocument)
    found = {}
    try:
        for name in await client.list_database_names():
            if not name.startswith(settings.db_prefix):
                continue
            database = client.get_database(name, codec_options=codec)
            for collection in set(await database.list_collection_names()) - VOLATILE:
                async for document in database[collection].find({}):
                    found[name, collection, str(document["_id"])] = hashlib.sha256(document.raw).hexdigest()
    finally:
        client.close()
    return found


async def messages(settings: SharedSettings) -> dict[str, dict[str, Any]]:
    """The read model, by message id."""
    async with _read_model(settings) as collection:
        return {each["_id"]: each async for each in collection.find({})}


async def forget_messages(settings: SharedSettings) -> int:
    """Empties the read model; returns how many documents it had."""
    async with _read_model(settings) as collection:
        return int((await collection.delete_many({})).deleted_count)


@asynccontextmanager
async def _read_model(settings: SharedSettings) -> AsyncIterator[AsyncIOMotorCollection]:
    client = make_client(settings)
    try:
        yield open_database(client, settings.database("ingest"))[COLLECTION]
    finally:
        client.close()


def changed(before: dict[tuple[str, str, str], str], after: dict[tuple[str, str, str], str]) -> list[str]:
    """Which documents are not as they were."""
    return sorted(" ".join(key) for key in before.keys() | after.keys() if before.get(key) != after.get(key))
