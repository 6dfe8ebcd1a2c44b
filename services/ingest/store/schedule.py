"""Scheduled submissions: `due_at` until they are handed to the relay, and what is canceled before or after."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.ingest.rules import KEPT_AFTER
from shared.mongo import outbox

COLLECTION = "submissions"
WAITING = {"due_at": {"$exists": True}}
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (IndexModel("due_at", partialFilterExpression=WAITING), outbox.INDEX)
}
LIVING = {"$filter": {"input": "$messages", "cond": {"$not": [{"$ifNull": ["$$this.canceled_at", False]}]}}}
SENDABLE = {
    "$filter": {"input": LIVING, "cond": {"$not": [{"$ifNull": ["$$this.suppressed", False]}]}},
}


class Canceled(Enum):
    """What became of a request to cancel a message."""

    DONE = "done"
    ASKED = "asked"
    TOO_LATE = "too_late"
    UNKNOWN = "unknown"


class Schedule:
    """Releases what is due, and cancels. A message is canceled or released, never both: each tests `due_at`."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._submissions = database[COLLECTION]

    async def release(self, now: datetime, most: int) -> int:
        """Makes due submissions pending, so that the relay of their lane publishes them; returns how many."""
        query = self._submissions.find({"due_at": {"$lte": now}}, {"_id": 1}).sort("due_at", 1).limit(most)
        ids = [document["_id"] async for document in query]
        if not ids:
            return 0
        released = await self._submissions.update_many(
            {"_id": {"$in": ids}, **WAITING},
            [
                {"$set": {"pending": {"$map": {"input": SENDABLE, "in": "$$this.id"}}}},
                {"$unset": "due_at"},
            ],
        )
        return int(released.modified_count)

    async def cancel(self, workspace_id: str, message_id: str, now: datetime) -> Canceled:
        """Cancels a message that still waits for its time, or asks whoever owns it to cancel it."""
        place = {"workspace_id": workspace_id, "messages.id": message_id}
        document = await self._submissions.find_one_and_update(
            {**place, **WAITING},
            [{"$set": {"messages": _stamped(message_id, "canceled_at", now), "unpublished": outbox.unpublished(now)}}],
            projection={"expires_at": 1},
        )
        if document is not None:
            await self._close(document)
            return Canceled.DONE
        document = await self._submissions.find_one(place, {"scheduled_at": 1, "published_at": 1, "messages.$": 1})
        if document is None:
            return Canceled.UNKNOWN
        if "canceled_at" in document["messages"][0]:
            return Canceled.DONE  # asked again by who lost the reply
        if "scheduled_at" in document and "published_at" not in document:
            return Canceled.TOO_LATE
        await self._submissions.update_one(
            {"_id": document["_id"]},
            [
                {
                    "$set": {
                        "messages": _stamped(message_id, "cancel_requested_at", now),
                        "unpublished": outbox.unpublished(now),
                    }
                }
            ],
        )
        return Canceled.ASKED

    async def _close(self, document: dict[str, Any]) -> None:
        """Where nothing of the submission is left to send it waits for nothing any more."""
        await self._submissions.update_one(
            {"_id": document["_id"], **WAITING, "$expr": {"$eq": [{"$size": SENDABLE}, 0]}},
            {"$unset": {"due_at": ""}, "$set": {"purge_at": document["expires_at"] + KEPT_AFTER}},
        )


def _stamped(message_id: str, name: str, now: datetime) -> dict[str, Any]:
    """The messages with the time set at one of them, unless it has one."""
    stamped = {"$mergeObjects": ["$$this", {name: {"$ifNull": [f"$$this.{name}", now]}}]}
    is_it = {"$eq": ["$$this.id", message_id]}
    return {"$map": {"input": "$messages", "in": {"$cond": [is_it, stamped, "$$this"]}}}
