"""Contact events: what a workspace's own application has recorded about a contact.

`{_id, workspace_id, contact_id, event_name, attributes, created_at}`; the attributes are kept as their JSON bytes, for
they may be any object.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from shared.tokens import uuid7

COLLECTION = "contact_events"
READ_MS = 5_000
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (IndexModel([("workspace_id", 1), ("contact_id", 1), ("_id", 1)]),)
}


class ContactEvents:
    """Reads and writes of contact events; each names the workspace and the contact."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._events = database[COLLECTION]

    async def add(self, workspace_id: str, contact_id: str, event_name: str, attributes: bytes) -> None:
        await self._events.insert_one(
            {
                "_id": uuid7(),
                "workspace_id": workspace_id,
                "contact_id": contact_id,
                "event_name": event_name,
                "attributes": attributes,
                "created_at": datetime.now(UTC),
            }
        )

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
