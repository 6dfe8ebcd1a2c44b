"""The `broken_tls` collection: hosts that fail to shake hands, `{_id: name:port, until}`, forgotten after `until`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import DESCENDING, IndexModel, UpdateOne

COLLECTION = "broken_tls"
INDEXES = {COLLECTION: (IndexModel("until", expireAfterSeconds=0),)}


class BrokenHosts:
    """Times are seconds since 1970."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._collection = database[COLLECTION]

    async def newest(self, limit: int) -> dict[str, float]:
        """The hosts noted last, the oldest of them first."""
        found = await self._collection.find().sort("until", DESCENDING).limit(limit).to_list(limit)
        return {document["_id"]: document["until"].timestamp() for document in reversed(found)}

    async def forget(self, hosts: Collection[str]) -> None:
        if hosts:
            await self._collection.delete_many({"_id": {"$in": list(hosts)}})

    async def save(self, hosts: Mapping[str, float]) -> None:
        if hosts:
            times = {host: datetime.fromtimestamp(until, UTC) for host, until in hosts.items()}
            await self._collection.bulk_write(
                [UpdateOne({"_id": host}, {"$max": {"until": until}}, upsert=True) for host, until in times.items()],
                ordered=False,
            )
