"""What ingest holds of one person of a workspace, in pages, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase

from services.ingest.store.contact_events import COLLECTION as CONTACT_EVENTS
from services.ingest.store.contacts import COLLECTION as CONTACTS
from services.ingest.store.messages import COLLECTION as MESSAGES
from services.ingest.store.messages import READ_MS
from services.ingest.store.submissions import COLLECTION as SUBMISSIONS

Document = dict[str, Any]


class People:
    """Reads by an address in lower case."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._messages = database[MESSAGES]
        self._submissions = database[SUBMISSIONS]
        self._contacts = database[CONTACTS]
        self._events = database[CONTACT_EVENTS]

    async def messages(self, workspace_id: str, address: str, before: str | None, limit: int) -> list[Document]:
        condition = {"workspace_id": workspace_id, "recipient_key": address}
        return await _page(self._messages, condition, before, limit)

    async def records(self, workspace_id: str, submission_ids: Sequence[str]) -> dict[str, bytes]:
        """The records of the messages of submissions that are still there, by message id."""
        condition = {"_id": {"$in": list(submission_ids)}, "workspace_id": workspace_id}
        query = self._submissions.find(condition, {"messages.id": 1, "messages.record": 1}).max_time_ms(READ_MS)
        return {one["id"]: bytes(one["record"]) async for each in query for one in each["messages"]}

    async def contacts(self, workspace_id: str, address: str, before: str | None, limit: int) -> list[Document]:
        return await _page(self._contacts, {"workspace_id": workspace_id, "address_key": address}, before, limit)

    async def contact_events(self, workspace_id: str, address: str, before: str | None, limit: int) -> list[Document]:
        contact = await self._contacts.find_one({"workspace_id": workspace_id, "address_key": address}, {"_id": 1})
        if contact is None:
            return []
        return await _page(self._events, {"workspace_id": workspace_id, "contact_id": contact["_id"]}, before, limit)


async def _page(
    collection: AsyncIOMotorCollection, condition: Document, before: str | None, limit: int
) -> list[Document]:
    place = {} if before is None else {"_id": {"$lt": before}}
    query = collection.find({**condition, **place}).sort("_id", -1).limit(limit)
    found: list[Document] = await query.max_time_ms(READ_MS).to_list(None)
    return found
