"""What is used of daily quotas: one document per workspace and day, of which processes lease blocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, ReturnDocument

COLLECTION = "quotas"
KEPT = timedelta(days=7)

INDEXES: dict[str, tuple[IndexModel, ...]] = {COLLECTION: (IndexModel("expires_at", expireAfterSeconds=0),)}


class QuotaLeases:
    """Leases parts of a workspace's quota of a day."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._quotas = database[COLLECTION]

    async def lease(self, workspace_id: str, day: date, limit: int, wanted: int) -> int:
        """How many of those wanted are had, at most what is left of the limit. Never are more than `limit` given out,
        whoever asks at the same time."""
        leased = {"$ifNull": ["$leased", 0]}
        bounded = {"$max": [leased, {"$min": [limit, {"$add": [leased, wanted]}]}]}
        expires_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + KEPT
        before = await self._quotas.find_one_and_update(
            {"_id": f"{workspace_id}:{day.isoformat()}"},
            [{"$set": {"workspace_id": workspace_id, "expires_at": expires_at, "leased": bounded}}],
            upsert=True,
            return_document=ReturnDocument.BEFORE,
        )
        used = before["leased"] if before is not None else 0
        return max(0, min(limit - used, wanted))
