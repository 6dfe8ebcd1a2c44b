"""The `destinations` collection: connection slots, leased in chunks, and how each destination stands.

`{_id: destination, limit, holders: {process: {n, until}}, standing, version, changed_at, seen_at}`; a holder whose
`until` has passed holds nothing. A destination that nobody has asked for since a day is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne
from pymongo.errors import BulkWriteError

from services.sender.destinations.adaptation import FIRST_WINDOW, Slow, Standing
from shared.mongo.due import from_now, new_token
from shared.mongo.group_commit import DUPLICATE_KEY

COLLECTION = "destinations"
FORGOTTEN_SECONDS = 24 * 3600
OVERLAP = timedelta(seconds=5)  # a write may be seen later than one that says a later time
INDEXES = {
    COLLECTION: (
        IndexModel("seen_at", expireAfterSeconds=FORGOTTEN_SECONDS),
        IndexModel("changed_at", sparse=True),
    )
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a process holds of a destination's slots and what others do, the limit of all of them, and its standing.

    `version` changes with the standing.
    """

    mine: int = 0
    others: int = 0
    limit: int = 0
    standing: Standing = field(default_factory=Standing)
    version: str | None = None


class Destinations:
    """One process's slots. `holder` names the process."""

    def __init__(self, database: AsyncIOMotorDatabase, holder: str, lease_seconds: float) -> None:
        self._collection = database[COLLECTION]
        self._holder = holder
        self._lease_seconds = lease_seconds

    async def hold(self, wanted: Mapping[str, tuple[int, int]]) -> dict[str, Grant]:
        """Asks for slots (destination to how many and the limit), renewing what is held; returns what was granted.

        Nothing is taken from who holds it: it asks for less when it has let connections go.
        """
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
        return await self.find(list(wanted))

    async def let_go(self, destinations: list[str]) -> None:
        """Gives slots up that are not used."""
        if destinations:
            await self._collection.update_many(
                {"_id": {"$in": destinations}}, {"$unset": {f"holders.{self._holder}": ""}}
            )

    async def find(self, destinations: Collection[str]) -> dict[str, Grant]:
        """How destinations stand, those that are known."""
        found = self._collection.find({"_id": {"$in": list(destinations)}})
        return {document["_id"]: self._read(document) async for document in found}

    async def changed(self, since: datetime) -> dict[str, Grant]:
        """The destinations whose standing has changed since then, and perhaps some more."""
        found = self._collection.find({"changed_at": {"$gt": since - OVERLAP}})
        return {document["_id"]: self._read(document) async for document in found}

    async def adapt(self, changes: Mapping[str, tuple[str | None, Standing]]) -> dict[str, str]:
        """Writes standings (destination to the version it was made from, and itself), all in one call.

        Returns the new versions of those that were written: another process has changed the others meanwhile.
        """
        version = new_token()
        writes = [
            UpdateOne(
                {"_id": destination, "version": before},
                [{"$set": {"standing": _stored(standing), "version": version, "changed_at": "$$NOW"}}],
            )
            for destination, (before, standing) in changes.items()
        ]
        written = await self._collection.bulk_write(writes, ordered=False)
        if written.matched_count == len(writes):
            return dict.fromkeys(changes, version)
        found = self._collection.find({"_id": {"$in": list(changes)}, "version": version}, {"_id": 1})
        return {document["_id"]: version async for document in found}

    async def resume(self, destinations: Collection[str]) -> None:
        """Ends what these are left alone or slowed down for: the next cohort shows how they answer now."""
        resting = {"$or": [{"standing.until": {"$ne": None}}, {"standing.slow": {"$ne": None}}]}
        fresh = {"standing.until": None, "standing.slow": None, "standing.step": 0, "standing.failed": 0}
        await self._collection.update_many(
            {"_id": {"$in": list(destinations)}, "standing": {"$ne": None}, **resting},
            [{"$set": {**fresh, "version": new_token(), "changed_at": "$$NOW"}}],
        )

    def _read(self, document: Mapping[str, Any]) -> Grant:
        holders = {name: holder["n"] for name, holder in document.get("holders", {}).items()}
        mine = holders.pop(self._holder, 0)
        standing = _standing(document.get("standing"))
        return Grant(mine, sum(holders.values()), document.get("limit", 0), standing, document.get("version"))

    def _grant(self, many: int, limit: int) -> list[dict[str, Any]]:
        """A pipeline: the live holders but this one stay, and this one gets what they leave of what is allowed now."""
        own = f"holders.{self._holder}"
        live = {
            "$filter": {
                "input": {"$objectToArray": {"$ifNull": ["$holders", {}]}},
                "cond": {"$gt": ["$$this.v.until", "$$NOW"]},
            }
        }
        held = {"$sum": {"$map": {"input": {"$objectToArray": "$holders"}, "in": "$$this.v.n"}}}
        mine = {"$ifNull": [f"${own}.n", 0]}
        slowed = {"$cond": [{"$gt": ["$standing.slow.until", "$$NOW"]}, "$standing.slow.connections", limit]}
        window = {"$min": [limit, {"$ifNull": ["$standing.window", FIRST_WINDOW]}, slowed]}
        allowed = {"$cond": [{"$gt": ["$standing.until", "$$NOW"]}, 0, window]}
        more = {"$min": [many, {"$subtract": [allowed, {"$subtract": [held, mine]}]}]}
        return [
            {"$set": {"limit": limit, "seen_at": "$$NOW", "holders": {"$arrayToObject": live}}},
            {
                "$set": {
                    own: {
                        "n": {"$cond": [{"$lte": [many, mine]}, many, {"$max": [mine, more]}]},
                        "until": from_now(self._lease_seconds),
                    }
                }
            },
        ]


def _stored(standing: Standing) -> dict[str, Any]:
    return {"$literal": asdict(standing)}


def _standing(stored: Mapping[str, Any] | None) -> Standing:
    if stored is None:
        return Standing()
    slow = stored.get("slow")
    return Standing(**{**stored, "slow": Slow(**slow) if slow else None})
