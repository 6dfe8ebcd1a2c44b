"""The `holds` collection: `{workspace_id, selection, reason, by, since, until, ends, active, lifted_by}`.

`workspace_id` is the owner's, None for the operator's. `active` is there until a hold was lifted or has run out;
`lifted_by` is the job that lets go of what it held. `ends` marks an order to end what has not come yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from services.sender.queue.holds import Hold

COLLECTION = "holds"
ACTIVE = {"active": True}
KEPT = timedelta(days=31)
INDEXES = {
    COLLECTION: (
        IndexModel([("active", 1), ("workspace_id", 1), ("_id", 1)], partialFilterExpression=ACTIVE),
        IndexModel("purge_at", expireAfterSeconds=0, sparse=True),
    )
}


class Holds:
    """Writes and reads holds. What is held because of them stands in `deliveries`."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._collection = database[COLLECTION]

    async def add(self, hold: Hold) -> None:
        """Adds a hold; the same one again changes nothing."""
        document = {
            "_id": hold.id,
            "workspace_id": hold.owner,
            "selection": hold.selection.as_document(),
            "reason": hold.reason,
            "by": hold.by,
            "since": hold.since,
            "active": True,
            **({"until": hold.until} if hold.until else {}),
            **({"ends": True} if hold.ends else {}),
        }
        try:
            await self._collection.insert_one(document)
        except DuplicateKeyError:
            return

    async def active(self) -> list[Hold]:
        """Every active hold and order."""
        return [Hold.of(document) async for document in self._collection.find(ACTIVE)]

    async def count(self, owner: str | None) -> int:
        return int(await self._collection.count_documents({**ACTIVE, "workspace_id": owner}))

    async def page(self, owner: str | None, after: str | None, limit: int) -> list[Hold]:
        """The active holds of a workspace, or for the operator (None) of all, oldest first."""
        condition: dict[str, Any] = {**ACTIVE, "ends": {"$exists": False}}
        if owner is not None:
            condition["workspace_id"] = owner
        if after is not None:
            condition["_id"] = {"$gt": after}
        return [Hold.of(each) async for each in self._collection.find(condition).sort("_id", 1).limit(limit)]

    async def lift(self, ids: Sequence[str], job: str | None, now: datetime) -> None:
        """Ends holds; what they held is let go by the job, or by the upkeep where that is None."""
        update: dict[str, Any] = {"$set": {"purge_at": now + KEPT, "lifted_by": job}, "$unset": {"active": ""}}
        await self._collection.update_many({"_id": {"$in": list(ids)}, **ACTIVE}, update)

    async def drop_messages(self, id_: str, messages: Sequence[str]) -> None:
        """Takes messages out of a hold that names others, too."""
        await self._collection.update_one({"_id": id_}, {"$pull": {"selection.messages": {"$in": list(messages)}}})

    async def run_out(self, now: datetime) -> list[str]:
        """The active holds whose time is over."""
        query = self._collection.find({**ACTIVE, "until": {"$lte": now}}, {"_id": 1})
        return [document["_id"] async for document in query]
