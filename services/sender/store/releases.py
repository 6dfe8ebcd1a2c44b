"""Releases: what is due goes back towards the router, to be routed and checked anew at the next pass."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.sender.store.deliveries import Deliveries
from shared.mongo.due import claim, from_now

WORKSPACES_AT_ONCE = 16
BATCH = 500
LONGEST_DOUBLING = 6


class Releases:
    """Claims due retries (and flagged deliveries) for release. `wait_seconds` is when one goes again that was lost."""

    def __init__(self, deliveries: Deliveries, wait_seconds: float) -> None:
        self._collection = deliveries.collection
        self._wait = wait_seconds

    async def outstanding(self, lane: str, bound: int) -> int:
        """How many are on their way to the router, counted up to `bound`."""
        return int(
            await self._collection.count_documents(
                {"lane": lane, "due_at": {"$exists": True}, "state": "released"}, limit=bound
            )
        )

    async def take(self, lane: str, room: int, now: datetime) -> list[dict[str, Any]]:
        """Moves what is due, of all workspaces in turn, to `released` at its next pass, and returns it.

        What was released and did not come back goes again at the same pass, waits doubling. A delivery whose last event
        is not published yet stays: its events go out in order. `now` is the database's time.
        """
        due = {"due_at": {"$lte": now}, "unpublished": {"$exists": False}}
        flagged = {"flagged": True, "state": "waiting"}
        retries = await self._of_workspaces(lane, {**due, "state": "deferred"}, room)
        checks = await self._of_workspaces(lane, flagged, room)
        lost = await self._of_workspaces(lane, {**due, "state": "released"}, room)
        first, again = [*retries, *checks][:room], lost[:room]
        changes = {
            "state": "released",
            "pass": {"$add": ["$pass", 1]},
            "due_at": from_now(self._wait),
            "flagged": "$$REMOVE",
        }
        waits = {"$pow": [2, {"$min": [{"$ifNull": ["$releases", 0]}, LONGEST_DOUBLING]}]}
        repeated = {
            "releases": {"$add": [{"$ifNull": ["$releases", 0]}, 1]},
            "due_at": {"$add": ["$$NOW", {"$multiply": [round(self._wait * 1000), 2, waits]}]},
        }
        taken = await claim(self._collection, first, {"state": {"$in": ["deferred", "waiting"]}}, self._wait, changes)
        taken += await claim(self._collection, again, {**due, "state": "released"}, self._wait, repeated)
        return taken

    async def _of_workspaces(self, lane: str, condition: Mapping[str, Any], room: int) -> list[str]:
        workspaces = await self._collection.distinct("workspace_id", {"lane": lane, **condition})
        if not workspaces:
            return []
        share = -(-room // len(workspaces[:WORKSPACES_AT_ONCE]))
        found = await asyncio.gather(
            *(self._ids({"lane": lane, "workspace_id": each, **condition}, share) for each in workspaces)
        )
        return [id_ for ids in found for id_ in ids]

    async def _ids(self, condition: Mapping[str, Any], limit: int) -> list[str]:
        query = self._collection.find(condition, {"_id": 1}).sort("due_at", 1).limit(min(limit, BATCH))
        return [document["_id"] async for document in query]
