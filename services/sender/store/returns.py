"""The `returns` collection: what came back by mail, each with the event that it became, kept as long as that travels.

`{_id: <event id>, message_id, workspace_id, event, trace, unpublished, purge_at}`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import IndexModel, ReplaceOne
from pymongo.errors import DuplicateKeyError

from services.sender.destinations.name import parse
from services.sender.returns.decisions import Identity
from services.sender.store.deliveries import COLLECTION as DELIVERIES
from shared.content import CHUNK_BYTES, CHUNKS, Content, chunk_id, to_document
from shared.content import COLLECTION as CONTENTS
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import Message
from shared.mongo import outbox

COLLECTION = "returns"
INDEXES = {
    COLLECTION: (IndexModel("message_id"), IndexModel("purge_at", expireAfterSeconds=0), outbox.INDEX),
}
KEPT = timedelta(days=8)  # longer than any record lives


class Returns:
    """Finds the messages that returns are about, and stores what they became."""

    def __init__(self, database: AsyncIOMotorDatabase, content_database: AsyncIOMotorDatabase) -> None:
        self.collection: AsyncIOMotorCollection = database[COLLECTION]
        self._deliveries = database[DELIVERIES]
        self._contents = content_database[CONTENTS]
        self._chunks = content_database[CHUNKS]

    async def identities(self, message_ids: Sequence[str]) -> dict[str, Identity]:
        """Those messages that the sender has or has had, by id."""
        fields = {"last_event": 1, "record": 1, "pass": 1, "state": 1, "answers_to": 1, "destination": 1}
        query = self._deliveries.find({"_id": {"$in": list(message_ids)}}, fields)
        return {document["_id"]: _identity(document) async for document in query}

    async def count(self, message_id: str, most: int) -> int:
        """How many returns of a message are stored, counted up to `most`."""
        return int(await self.collection.count_documents({"message_id": message_id}, limit=most))

    async def add(self, event: Event, now: datetime) -> dict[str, Any] | None:
        """Stores a return with its event to publish, or nothing where it has come before; the new document."""
        document: dict[str, Any] = {
            "_id": event.event_id,
            "message_id": event.message_id,
            "workspace_id": event.workspace_id,
            "event": event.encode(),
            "trace": event.trace,
            "unpublished": outbox.unpublished(now),
            "purge_at": now + KEPT,
        }
        try:
            await self.collection.insert_one(document)
        except DuplicateKeyError:
            return None
        return document

    async def keep(self, content: Content, raw: bytes) -> None:
        """Stores what a reply says: its bytes in chunks, then the content that names them."""
        assert content.raw is not None
        pieces = [
            {
                "_id": chunk_id(content.raw.blob_id, number),
                "data": raw[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES],
                "expires_at": content.expires_at,
            }
            for number in range(content.raw.chunks)
        ]
        if pieces:
            await self._chunks.bulk_write(
                [ReplaceOne({"_id": piece["_id"]}, piece, upsert=True) for piece in pieces], ordered=False
            )
        document = to_document(content)
        await self._contents.replace_one({"_id": document["_id"]}, document, upsert=True)


def _identity(document: Mapping[str, Any]) -> Identity:
    """By what was last said of the message; before anything was, by its record."""
    if "last_event" in document:
        event = Event.decode(document["last_event"])
    else:
        message = Message.decode(document["record"])
        event = event_of(message, EventType.SENDING, datetime.now(UTC))
    rollup = parse(document.get("destination", "")).rollup
    return Identity(event, document["pass"], document["state"] == "ended", document.get("answers_to"), rollup)
