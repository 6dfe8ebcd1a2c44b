"""The read model's messages that are older than it keeps any: what ended, and whose submission is gone."""

from __future__ import annotations

from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorDatabase

from services.ingest.store.messages import COLLECTION, SUBMISSIONS
from shared.tokens import first_id

BATCH = 1_000
OPEN = ("pending", "queued", "sending", "stuck", "deferred")


class OldMessages:
    """Ids begin with the time, so that the oldest are found without an index of their own."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._messages = database[COLLECTION]
        self._submissions = database[SUBMISSIONS]

    async def delete(self, before: datetime, after: str = "") -> tuple[int, str | None]:
        """Of the next messages behind the id `after`, deletes those that were accepted before a moment; returns how
        many, and the id to go on behind, None at the end.

        What has not ended stays: it is held, or due later. So does what has a submission, which compares its messages
        with the read model and would publish again what is not there.
        """
        old = {"_id": {"$gt": after, "$lt": first_id(before)}, "head.status": {"$nin": OPEN}}
        found = await self._messages.find(old, {"submission_id": 1}).sort("_id", 1).limit(BATCH).to_list(None)
        came_with = list({each["submission_id"] for each in found if "submission_id" in each})
        kept = {each["_id"] async for each in self._submissions.find({"_id": {"$in": came_with}}, {"_id": 1})}
        ids = [each["_id"] for each in found if each.get("submission_id") not in kept]
        gone = await self._messages.delete_many({"_id": {"$in": ids}})
        return int(gone.deleted_count), found[-1]["_id"] if len(found) == BATCH else None
