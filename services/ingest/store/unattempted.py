"""What waits in the critical lane for its first attempt: in the outbox, and published, as the read model knows it.

The index holds those alone that were not attempted when they were first projected, so that it costs nothing for mail
whose first event is an outcome.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.ingest.store import relay
from services.ingest.store.messages import COLLECTION, READ_MS
from shared.contracts.topics import Lane
from shared.tokens import first_id

MOST = 1_000
INDEX = "critical_unattempted"
UNATTEMPTED = {"lane": Lane.CRITICAL.value, "attempts": 0}
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel(
            [("workspace_id", 1), ("head.status", 1), ("_id", 1)],
            name=INDEX,
            partialFilterExpression=UNATTEMPTED,
        ),
    )
}
WAITS = ("pending", "queued", "stuck")


@dataclass(frozen=True, slots=True)
class Unattempted:
    """How many messages wait; `more` where they were not counted further."""

    count: int
    more: bool


class UnattemptedMessages:
    """Reads only; each call names the workspace. What is in neither place is under way between the two, for seconds."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._messages = database[COLLECTION]
        self._submissions = database[relay.COLLECTION]

    async def older_than(self, workspace_id: str, now: datetime, wait: timedelta) -> Unattempted:
        """How many critical messages were to go longer ago than `wait`, and have had no attempt yet."""
        published, unpublished = await asyncio.gather(
            self._published(workspace_id, now - wait), self._unpublished(workspace_id, now - wait)
        )
        count = published + unpublished
        return Unattempted(min(count, MOST), count >= MOST)

    async def _published(self, workspace_id: str, before: datetime) -> int:
        condition = {
            "workspace_id": workspace_id,
            "head.status": {"$in": WAITS},
            "_id": {"$lt": first_id(before)},
            "scheduled_at": {"$not": {"$gte": before}},
            **UNATTEMPTED,
        }
        return int(await self._messages.count_documents(condition, hint=INDEX, limit=MOST, maxTimeMS=READ_MS))

    async def _unpublished(self, workspace_id: str, before: datetime) -> int:
        condition = {
            "lane": Lane.CRITICAL.value,
            **relay.PENDING,
            "workspace_id": workspace_id,
            "_id": {"$lt": first_id(before)},
            "scheduled_at": {"$not": {"$gte": before}},
            "published_at": {"$exists": False},
        }
        rows = await self._submissions.aggregate(
            [
                {"$match": condition},
                {"$limit": MOST},
                {"$group": {"_id": None, "count": {"$sum": {"$size": "$pending"}}}},
            ],
            maxTimeMS=READ_MS,
        ).to_list(1)
        return int(rows[0]["count"]) if rows else 0
