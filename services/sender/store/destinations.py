"""The `destinations` collection: connection slots, leased in chunks, so that all processes together keep a limit.

`{_id: destination, limit, holders: {process: {n, until}}, seen_at}`; a holder whose `until` has passed holds nothing. A
destination that nobody has asked for since a day is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne
from pymongo.errors import BulkWriteError

from shared.mongo.due import from_now
from shared.mongo.group_commit import DUPLICATE_KEY

COLLECTION = "destinations"
FORGOTTEN_SECONDS = 24 * 3600
INDEXES = {COLLECTION: (IndexModel("seen_at", expireAfterSeconds=FORGOTTEN_SECONDS),)}


class Limits:
    """What destinations allow, for those who look at the queue."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._collection = database[COLLECTION]

    async def of(self, destinations: Sequence[str]) -> dict[str, int]:
        """How many connections each of them allows, where that was asked for lately."""
        query = self._collection.find({"_id": {"$in": list(destinations)}}, {"limit": 1})
        return {document["_id"]: document["limit"] async for document in query if "limit" in document}


class Destinations:
    """One process's slots. `holder` names the process."""

    def __init__(self, database: AsyncIOMotorDatabase, holder: str, lease_seconds: float) -> None:
        self._collection = database[COLLECTION]
        self._holder = holder
        self._lease_seconds = lease_seconds

    async def hold(self, wanted: Mapping[str, tuple[int, int]]) -> dict[str, int]:
        """Asks for slots (destination to how many and the limit), renewing what is held; returns what was granted."""
        if not wanted:
            return {}
        writes = [
            UpdateOne({"_id": destination}, self._grant(many, limit), upsert=True)
            for destination, (many, limit) in wanted.items()
        ]
        try:
            await self._collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            # two processes meet a new destination at once: the one that lost asks again next time
            failures = (error.details or {}).get("writeErrors", [])
            if (error.details or {}).get("writeConcernErrors") or not all(
                failure["code"] == DUPLICATE_KEY for failure in failures
            ):
                raise
        found = self._collection.find({"_id": {"$in": list(wanted)}}, {f"holders.{self._holder}.n": 1})
        return {
            document["_id"]: document.get("holders", {}).get(self._holder, {}).get("n", 0) async for document in found
        }

    async def let_go(self, destinations: list[str]) -> None:
        """Gives slots up that are not used."""
        if destinations:
            await self._collection.update_many(
                {"_id": {"$in": destinations}}, {"$unset": {f"holders.{self._holder}": ""}}
            )

    def _grant(self, many: int, limit: int) -> list[dict[str, Any]]:
        """A pipeline: the live holders but this one stay, and this one gets what they leave of the limit."""
        others = {
            "$filter": {
                "input": {"$objectToArray": {"$ifNull": ["$holders", {}]}},
                "cond": {"$and": [{"$gt": ["$$this.v.until", "$$NOW"]}, {"$ne": ["$$this.k", self._holder]}]},
            }
        }
        taken = {"$sum": {"$map": {"input": {"$objectToArray": "$holders"}, "in": "$$this.v.n"}}}
        granted = {"$max": [0, {"$min": [many, {"$subtract": [limit, taken]}]}]}
        return [
            {"$set": {"limit": limit, "seen_at": "$$NOW", "holders": {"$arrayToObject": others}}},
            {"$set": {f"holders.{self._holder}": {"n": granted, "until": from_now(self._lease_seconds)}}},
        ]
