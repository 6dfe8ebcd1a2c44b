"""The read model: one document per message with its events and webhook attempts, and what stands in for it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne

from services.ingest.projection.fold import Delta

COLLECTION = "messages"
SUBMISSIONS = "submissions"
READ_MS = 5_000
MOST_COUNTED = 100_000

SEARCHED = ("head.status", "recipient_key", "sender_key", "stream", "tags", "terms")
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel([("workspace_id", 1), ("_id", -1)]),
        *(IndexModel([("workspace_id", 1), (field, 1), ("_id", -1)]) for field in SEARCHED),
        IndexModel(
            [("workspace_id", 1), ("bounce.class", 1), ("_id", -1)],
            partialFilterExpression={"bounce.class": {"$exists": True}},
        ),
    ),
    SUBMISSIONS: (IndexModel([("workspace_id", 1), ("messages.id", 1)]),),
}
WITHOUT_DETAIL = {"events": 0, "webhooks": 0}


@dataclass(frozen=True, slots=True)
class Said:
    """A submission's subject, where it is kept; `disposable` says that what it says goes with its end."""

    subject: str | None
    disposable: bool


class Messages:
    """Reads and writes of the read model, `collection`. Its readers always name the workspace."""

    def __init__(self, database: AsyncIOMotorDatabase, collection: str = COLLECTION) -> None:
        self._messages = database[collection]
        self._submissions = database[SUBMISSIONS]

    async def write(self, deltas: Mapping[str, Delta]) -> int:
        """Writes every delta, by message id, in one call; returns how many documents that changed.

        Where two upserts race for one new document the server itself tries the loser again: the filter is the `_id`.
        """
        writes = [UpdateOne({"_id": id_}, delta.operators(), upsert=True) for id_, delta in deltas.items()]
        if not writes:
            return 0
        written = await self._messages.bulk_write(writes, ordered=False)
        return int(written.modified_count + written.upserted_count)

    async def said(self, submission_ids: Collection[str]) -> dict[str, Said]:
        """What is shown of the submissions that are still there, by submission id."""
        fields = {"subject": 1, "dispose": 1}
        query = self._submissions.find({"_id": {"$in": list(submission_ids)}}, fields)
        return {each["_id"]: Said(each.get("subject"), each.get("dispose", False)) async for each in query}

    async def heads(self, message_ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The heads (status, next_at …) of those messages that have any event yet."""
        query = self._messages.find({"_id": {"$in": list(message_ids)}, "head": {"$exists": True}}, {"head": 1})
        return {document["_id"]: document["head"] async for document in query}

    async def find(self, workspace_id: str, message_id: str, *, detail: bool) -> dict[str, Any] | None:
        """One message of a workspace, with its events and webhooks where `detail` is asked for."""
        found: dict[str, Any] | None = await self._messages.find_one(
            {"_id": message_id, "workspace_id": workspace_id, "head": {"$exists": True}},
            None if detail else WITHOUT_DETAIL,
            max_time_ms=READ_MS,
        )
        return found

    async def submission_of(self, workspace_id: str, message_id: str) -> dict[str, Any] | None:
        """The submission that a message came with, without the messages beside it."""
        found: dict[str, Any] | None = await self._submissions.find_one(
            {"workspace_id": workspace_id, "messages.id": message_id},
            {
                "workspace_id": 1,
                "subject": 1,
                "trace": 1,
                "published_at": 1,
                "due_at": 1,
                "scheduled_at": 1,
                "messages": {"$elemMatch": {"id": message_id}},
            },
            max_time_ms=READ_MS,
        )
        return found

    async def numbered_page(
        self, workspace_id: str, conditions: Mapping[str, Any], skip: int, limit: int
    ) -> tuple[list[dict[str, Any]], int]:
        """A page of the newest messages that meet the conditions, and how many do (counted up to 100,000)."""
        condition = {"workspace_id": workspace_id, "head": {"$exists": True}, **conditions}
        query = self._messages.find(condition, WITHOUT_DETAIL).sort("_id", -1).skip(skip).limit(limit)
        found, total = await asyncio.gather(
            query.max_time_ms(READ_MS).to_list(None),
            self._messages.count_documents(condition, limit=MOST_COUNTED, maxTimeMS=READ_MS),
        )
        return found, int(total)

    async def how_many(self, workspace_id: str, status: str) -> int:
        """How many messages have a status, counted up to 1,000 out of the index."""
        condition = {"workspace_id": workspace_id, "head.status": status}
        return int(await self._messages.count_documents(condition, limit=1_000, maxTimeMS=READ_MS))

    async def submission_numbered(self, workspace_id: str, number: int) -> dict[str, Any] | None:
        """The submission with this number, if it is the workspace's."""
        found: dict[str, Any] | None = await self._submissions.find_one(
            {"number": number, "workspace_id": workspace_id}, max_time_ms=READ_MS
        )
        return found
