"""Due work: claimed in batches under leases. A lease is a token and an end on the database's clock (`$$NOW`).

Every later write of the holder names the token, so one whose lease was taken over changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo.errors import DuplicateKeyError

_tokens = Random()  # begun by the system's random numbers, and nobody's to begin anew


def new_token() -> str:
    """What tells this holder, write or mark from all others; no secret: to ask the system for each took longer."""
    return f"{_tokens.getrandbits(128):032x}"


def from_now(seconds: float) -> dict[str, Any]:
    """An aggregation expression: the database's time in `seconds`."""
    return {"$add": ["$$NOW", round(seconds * 1000)]}


async def claim(
    collection: AsyncIOMotorCollection,
    ids: Sequence[Any],
    condition: Mapping[str, Any],
    lease_seconds: float,
    changes: Mapping[str, Any] | None = None,
    projection: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Takes those of `ids` that still meet `condition`, in one update, and returns them with their fresh token.

    `changes` are further fields to set, as aggregation expressions. The token stands at `lease.token`.
    """
    if not ids:
        return []
    token = new_token()
    taken = await collection.update_many(
        {"_id": {"$in": list(ids)}, **condition},
        [{"$set": {"lease": {"token": token, "until": from_now(lease_seconds)}, **(changes or {})}}],
    )
    if not taken.modified_count:
        return []
    return await collection.find({"_id": {"$in": list(ids)}, "lease.token": token}, projection).to_list(None)


async def renew(collection: AsyncIOMotorCollection, tokens: Iterable[str], lease_seconds: float) -> int:
    """Renews every live lease of a process in one update; returns how many documents it still holds."""
    renewed = await collection.update_many(
        {"lease.token": {"$in": list(tokens)}}, [{"$set": {"lease.until": from_now(lease_seconds)}}]
    )
    return int(renewed.modified_count)


class Tenure:
    """A named lease that one process holds at a time (the relay of a lane, a sweeper), kept in `leases`."""

    def __init__(self, database: AsyncIOMotorDatabase, name: str, seconds: float) -> None:
        self._leases = database["leases"]
        self._name = name
        self._seconds = seconds
        self._holder = new_token()

    async def hold(self) -> bool:
        """Takes or renews it; False while another holds it. To be called every third of its length."""
        mine = [{"$set": {"holder": self._holder, "until": from_now(self._seconds)}}]
        free = {"$or": [{"holder": self._holder}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
        held = await self._leases.update_one({"_id": self._name, **free}, mine)
        if held.matched_count:
            return True
        # an upsert takes no $expr: this one inserts where nobody has held the lease yet, and breaks on who does
        try:
            await self._leases.update_one({"_id": self._name, "holder": self._holder}, mine, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    async def release(self) -> None:
        await self._leases.delete_one({"_id": self._name, "holder": self._holder})
