"""Contact events: what a workspace's own application has recorded about a contact.

`{_id, workspace_id, contact_id, event_name, attributes, created_at}`; the attributes are kept as their JSON bytes, for
they may be any object. Where an idempotency key was given, `key` and `key_until`, one event to a key in its workspace.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from shared.tokens import uuid7

COLLECTION = "contact_events"
READ_MS = 5_000
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel([("workspace_id", 1), ("contact_id", 1), ("_id", 1)]),
        IndexModel([("workspace_id", 1), ("key", 1)], unique=True, partialFilterExpression={"key": {"$exists": True}}),
    )
}


class KeyHeldError(Exception):
    """Another event of the workspace holds the idempotency key."""


class ContactEvents:
    """Reads and writes of contact events; each names the workspace."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._events = database[COLLECTION]

    async def add(
        self,
        workspace_id: str,
        contact_id: str,
        event_name: str,
        attributes: bytes,
        held: tuple[str, datetime] | None = None,
    ) -> dict[str, Any]:
        """The event as it was recorded; `held` is an idempotency key and when it ends. Raises KeyHeldError."""
        now = datetime.now(UTC)
        event: dict[str, Any] = {
            "_id": uuid7(),
            "workspace_id": workspace_id,
            "contact_id": contact_id,
            "event_name": event_name,
            "attributes": attributes,
            "created_at": now,
        }
        if held is not None:
            event |= {"key": held[0], "key_until": held[1]}
            await self._events.update_one(
                {"workspace_id": workspace_id, "key": held[0], "key_until": {"$lte": now}},
                {"$unset": {"key": "", "key_until": ""}},
            )
        try:
            await self._events.insert_one(event)
        except DuplicateKeyError as error:
            raise KeyHeldError from error
        return event

    async def key_used_at(self, workspace_id: str, key: str) -> datetime | None:
        """When the event that holds an idempotency key was recorded; None where there is none."""
        query = {"workspace_id": workspace_id, "key": key, "key_until": {"$gt": datetime.now(UTC)}}
        event = await self._events.find_one(query, {"created_at": 1})
        return event["created_at"] if event is not None else None

    async def page(
        self, workspace_id: str, contact_id: str, search: str | None, skip: int, limit: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Some of the events whose name holds `search`, in any case, oldest first; and how many there are."""
        query: dict[str, Any] = {"workspace_id": workspace_id, "contact_id": contact_id}
        if search:
            query["event_name"] = {"$regex": re.escape(search), "$options": "i"}
        total = await self._events.count_documents(query, maxTimeMS=READ_MS)
        found = self._events.find(query).sort("_id", 1).skip(skip).limit(limit).max_time_ms(READ_MS)
        return await found.to_list(None), total

    async def delete_of(self, workspace_id: str, contact_id: str) -> None:
        await self._events.delete_many({"workspace_id": workspace_id, "contact_id": contact_id})
