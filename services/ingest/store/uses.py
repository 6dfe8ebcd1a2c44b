"""When keys and credentials were last used: beside the entities, of which a use makes no new version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import UpdateOne

COLLECTION = "last_uses"


class LastUses:
    """By the id of a key or credential."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._uses = database[COLLECTION]

    async def mark(self, uses: Mapping[str, datetime]) -> None:
        """Keeps the latest time of each, in one call."""
        writes = [UpdateOne({"_id": id_}, {"$max": {"at": at}}, upsert=True) for id_, at in uses.items()]
        if writes:
            await self._uses.bulk_write(writes, ordered=False)

    async def of(self, ids: Collection[str]) -> dict[str, datetime]:
        """The last uses of those that were used at all."""
        query = self._uses.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: document["at"] async for document in query}
