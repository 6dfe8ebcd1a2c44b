"""The `drained` collection: how many deliveries have ended, `{_id: "workspace lane slot", count}`.

A slot is SLOT_SECONDS long and is written by every process. The counts say how fast a queue drains, to who looks at it:
what a killed process had not written yet is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne

from services.sender.store.queue import LANES

COLLECTION = "drained"
SLOT_SECONDS = 10
SLOTS = 6
KEPT = timedelta(minutes=10)
INDEXES = {COLLECTION: (IndexModel("purge_at", expireAfterSeconds=0),)}

Place = tuple[str, str]
"""A workspace and a lane."""


class Drained:
    """The counts of all processes."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._collection = database[COLLECTION]

    async def add(self, counts: Mapping[Place, int], now: datetime) -> None:
        """Counts what has ended just now."""
        slot = _slot(now)
        writes = [
            UpdateOne(
                {"_id": _id(workspace, lane, slot)},
                {"$inc": {"count": count}, "$setOnInsert": {"purge_at": now + KEPT}},
                upsert=True,
            )
            for (workspace, lane), count in counts.items()
        ]
        await self._collection.bulk_write(writes, ordered=False)

    async def per_second(self, workspace: str, now: datetime) -> dict[str, float]:
        """How many of a workspace's have ended in a second, by lane, over the last minute."""
        newest = _slot(now)
        lane_of = {_id(workspace, lane, newest - ago): lane for lane in LANES for ago in range(SLOTS + 1)}
        seconds = SLOTS * SLOT_SECONDS + (now - _begin(newest)).total_seconds()
        counts = dict.fromkeys(LANES, 0)
        async for document in self._collection.find({"_id": {"$in": list(lane_of)}}):
            counts[lane_of[document["_id"]]] += document["count"]
        return {lane: count / seconds for lane, count in counts.items()}


def _slot(moment: datetime) -> int:
    return int(moment.timestamp()) // SLOT_SECONDS


def _begin(slot: int) -> datetime:
    return datetime.fromtimestamp(slot * SLOT_SECONDS, UTC)


def _id(workspace: str, lane: str, slot: int) -> str:
    return f"{workspace} {lane} {slot}"
