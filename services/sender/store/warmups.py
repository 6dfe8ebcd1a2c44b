"""The `warmups` collection: how many messages each source has sent on a day, `{_id: "address day", used, takes}`.

`takes` are the blocks that processes have taken, by the token of the call: so a call is told what it was granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne
from pymongo.errors import BulkWriteError

from shared.mongo.due import new_token
from shared.mongo.group_commit import DUPLICATE_KEY

COLLECTION = "warmups"
KEPT = timedelta(days=3)
INDEXES = {COLLECTION: (IndexModel("purge_at", expireAfterSeconds=0),)}

Day = tuple[str, date]
"""A source's address and a day (UTC)."""


class DayCounts:
    """The counts of all processes."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._collection = database[COLLECTION]

    async def take(self, wanted: Mapping[Day, tuple[int, int]]) -> dict[Day, tuple[int, int]]:
        """Takes blocks (how many, of which cap); returns what was granted of each, and what all have taken by now.

        What is taken is counted, sent or not: a process that dies does not raise the cap.
        """
        token = new_token()
        ids = {_id(day): day for day in wanted}
        writes = [UpdateOne({"_id": id_}, _take(token, day, *wanted[day]), upsert=True) for id_, day in ids.items()]
        try:
            await self._collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            # two processes meet a new day at once: the one that lost asks again
            failures = (error.details or {}).get("writeErrors", [])
            if (error.details or {}).get("writeConcernErrors") or any(
                failure["code"] != DUPLICATE_KEY for failure in failures
            ):
                raise
        found = self._collection.find({"_id": {"$in": list(ids)}, "token": token})
        return {ids[each["_id"]]: (each["granted"], each["used"]) async for each in found}

    async def give_back(self, left: Mapping[Day, int]) -> None:
        """Gives back what was taken and not sent."""
        if left:
            writes = [UpdateOne({"_id": _id(day)}, {"$inc": {"used": -many}}) for day, many in left.items()]
            await self._collection.bulk_write(writes, ordered=False)


def _take(token: str, day: Day, many: int, cap: int) -> list[dict[str, object]]:
    used = {"$ifNull": ["$used", 0]}
    granted = {"$max": [0, {"$min": [many, {"$subtract": [cap, used]}]}]}
    purge_at = datetime.combine(day[1], time(), UTC) + KEPT
    return [
        {"$set": {"granted": granted, "token": token, "purge_at": purge_at}},
        {"$set": {"used": {"$add": [used, "$granted"]}}},
    ]


def _id(day: Day) -> str:
    return f"{day[0]} {day[1].isoformat()}"
