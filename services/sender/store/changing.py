"""Writes of jobs to `deliveries`, each for a batch: only what is still as it was found is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import UpdateOne

from services.sender.store.deliveries import IDLE, NOT_SENT, Deliveries

NOT_MARKED = {"$or": [{"state": {"$in": IDLE}}, {"state": "leased", **NOT_SENT}]}
FREE = {"commanded": {"$exists": False}}


class Changing:
    """`job` is the id of the job that a delivery is changed by."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._collection = deliveries.collection

    async def changed(self, ids: Sequence[str], job: str) -> set[str]:
        """Those that the job has changed, now or before a kill."""
        query = self._collection.find({"_id": {"$in": list(ids)}, "job": job}, {"_id": 1})
        return {document["_id"] async for document in query}

    async def make_due(self, ids: Sequence[str], job: str) -> None:
        """Makes deferred deliveries due now."""
        await self._collection.update_many(
            {"_id": {"$in": list(ids)}, "state": "deferred", **FREE},
            [{"$set": {"due_at": "$$NOW", "job": job}}],
        )

    async def let_go(self, ids: Sequence[str], holds: Sequence[str], job: str | None) -> int:
        """Has what the holds held go on: towards the router now, or when it was due before it was held."""
        stamp = {} if job is None else {"job": job}
        let_go = await self._collection.update_many(
            {"_id": {"$in": list(ids)}, "state": "held", "hold": {"$in": list(holds)}},
            [
                {"$set": {"state": "deferred", "due_at": {"$ifNull": ["$resume_at", "$$NOW"]}, **stamp}},
                {"$unset": ["hold", "resume_at", "why"]},
            ],
        )
        return int(let_go.modified_count)

    async def hold(self, held: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]], job: str) -> None:
        """Holds deliveries (id to the document as it was found, and the fields that say how it stands)."""
        writes = []
        for id_, (found, fields) in held.items():
            condition = {"_id": id_, "state": found["state"], "pass": found["pass"], "unpublished": {"$exists": False}}
            resume = {"resume_at": found["due_at"]} if found["state"] == "deferred" else {}
            update = {"$set": {**fields, **resume, "job": job}, "$unset": {"tell_at": ""}}
            writes.append(UpdateOne({**condition, **FREE, "flagged": {"$exists": False}}, update))
        await self._collection.bulk_write(writes, ordered=False)

    async def order_end(self, commands: Mapping[str, bytes], job: str) -> None:
        """Gives deliveries (by id) the command that ends them, but those whose final dot may have left."""
        update = [
            UpdateOne(
                {"_id": id_, **NOT_MARKED, **FREE},
                {"$set": {"commanded": command, "flagged": True, "job": job}},
            )
            for id_, command in commands.items()
        ]
        await self._collection.bulk_write(update, ordered=False)

    async def reroute(self, wishes: Mapping[str, Mapping[str, str]], job: str) -> None:
        """Gives deliveries (by id) a wish for the next pass, which begins now for what is not held.

        What waits or has a lease goes by way of its flag, as after a suppression: its dot is not sent any more.
        """
        flagged = {"$or": [{"state": "waiting"}, {"state": "leased", **NOT_SENT}]}
        writes = []
        for id_, wish in wishes.items():
            place, wished = {"_id": id_, **FREE}, {"reroute": dict(wish), "job": job}
            writes += [
                UpdateOne({**place, **flagged}, {"$set": {**wished, "flagged": True}}),
                UpdateOne({**place, "state": "deferred"}, [{"$set": {**wished, "due_at": "$$NOW"}}]),
                UpdateOne({**place, "state": "held"}, {"$set": wished}),
            ]
        await self._collection.bulk_write(writes, ordered=False)
