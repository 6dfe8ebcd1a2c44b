"""Releases: what is due goes back towards the router, to be routed and checked anew at the next pass."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.sender.store.deliveries import Deliveries
from services.sender.store.turns import beginning_behind, in_turn
from shared.mongo.due import claim, from_now

WORKSPACES_AT_ONCE = 16
WINDOW = 2000
LONGEST_DOUBLING = 6
EVER = datetime(2000, 1, 1, tzinfo=UTC)
PUBLISHED = {"unpublished": {"$exists": False}}
WITH_DUE_TIME = ("deferred", "held", "released")
FREE = {"commanded": {"$exists": False}}


class Releases:
    """Claims due retries (and flagged deliveries) for release. `wait_seconds` is when one goes again that was lost."""

    def __init__(self, deliveries: Deliveries, wait_seconds: float) -> None:
        self._collection = deliveries.collection
        self._wait = wait_seconds
        self._after: dict[tuple[str, str], str] = {}

    async def outstanding(self, lane: str, bound: int) -> int:
        """How many are on their way to the router, counted up to `bound`."""
        condition = {"state": "released", "lane": lane, "due_at": {"$gte": EVER}}
        return int(await self._collection.count_documents(condition, limit=bound, hint="due_by_time"))

    async def take(self, lane: str, room: int, now: datetime) -> list[dict[str, Any]]:
        """Moves what is due, of all workspaces in turn, to `released` at its next pass, and returns it.

        What was released and did not come back goes again at the same pass, waits doubling. A delivery whose last event
        is not published yet stays: its events go out in order. What is held is due when its hold ends by itself, or its
        life. `now` is the database's time.
        """
        checks, *due_of = await asyncio.gather(
            self._flagged(lane, room), *(self._due(state, lane, room, now) for state in WITH_DUE_TIME)
        )
        changes = {
            "state": "released",
            "pass": {"$add": ["$pass", 1]},
            "due_at": from_now(self._wait),
            "flagged": "$$REMOVE",
            **dict.fromkeys(("tell_at", "hold", "why", "resume_at"), "$$REMOVE"),
        }
        waits = {"$pow": [2, {"$min": [{"$ifNull": ["$releases", 0]}, LONGEST_DOUBLING]}]}
        repeated = {
            "releases": {"$add": [{"$ifNull": ["$releases", 0]}, 1]},
            "due_at": {"$add": ["$$NOW", {"$multiply": [round(self._wait * 1000), 2, waits]}]},
        }
        flagged = {"state": "waiting", "flagged": True, **FREE}
        due = {"due_at": {"$lte": now}, **PUBLISHED, **FREE}
        taken = await claim(self._collection, checks, flagged, self._wait, changes)
        for state, ids in zip(WITH_DUE_TIME, due_of, strict=True):
            fields = repeated if state == "released" else changes
            some = ids[: room - len(taken)]
            taken += await claim(self._collection, some, {**due, "state": state}, self._wait, fields)
        return taken

    async def _flagged(self, lane: str, room: int) -> list[str]:
        condition = {"flagged": True, "lane": lane, "state": "waiting", **FREE}
        query = self._collection.find(condition, {"_id": 1}, hint="flagged")
        return [document["_id"] async for document in query.limit(room)]

    async def _due(self, state: str, lane: str, room: int, now: datetime) -> list[str]:
        """What is due, of workspaces in turn: out of a window of all of it, or of some workspaces where it is more."""
        condition = {"state": state, "lane": lane, "due_at": {"$lte": now}}
        query = self._collection.find(condition, {"workspace_id": 1}, hint="due_by_time").sort("due_at", 1)
        oldest: dict[str, list[str]] = {}
        async for document in query.limit(WINDOW):
            oldest.setdefault(document["workspace_id"], []).append(document["_id"])
        if sum(map(len, oldest.values())) < WINDOW:
            return in_turn(list(oldest.values()))[:room]
        key = (state, lane)
        names = await self._collection.distinct(
            "workspace_id", {"state": state, "lane": lane, "due_at": {"$gte": EVER}}
        )
        turn = beginning_behind(names, self._after.get(key, ""))[:WORKSPACES_AT_ONCE]
        self._after[key] = turn[-1]
        found = await asyncio.gather(*(self._of_workspace({**condition, "workspace_id": each}, room) for each in turn))
        return in_turn(found)[:room]

    async def _of_workspace(self, condition: Mapping[str, Any], room: int) -> list[str]:
        query = self._collection.find(condition, {"_id": 1}, hint="due_by_workspace").sort("due_at", 1)
        return [document["_id"] async for document in query.limit(room)]
