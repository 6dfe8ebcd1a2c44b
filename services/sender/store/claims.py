"""Claims: which waiting deliveries a process takes, and what becomes of leases that ran out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from services.sender.store.deliveries import WAITS_AGAIN, Deliveries
from services.sender.store.turns import beginning_behind, in_turn
from shared.mongo.due import claim

WORKSPACES_AT_ONCE = 16
BATCH = 500
LEASED = {"lease.until": {"$exists": True}, "state": "leased"}
LAPSED = {"$lt": ["$lease.until", "$$NOW"]}


class Claims:
    """Takes waiting work of a destination: workspaces in turn, oldest first."""

    def __init__(self, deliveries: Deliveries, lease_seconds: float) -> None:
        self._collection = deliveries.collection
        self._lease_seconds = lease_seconds

    async def waiting(self, lane: str) -> list[str]:
        """The destinations that work waits for."""
        return await self._collection.distinct("destination", {"state": "waiting", "lane": lane})

    async def take(
        self, lane: str, destination: str, room: int, room_of: Callable[[str], int], after: str
    ) -> tuple[list[dict[str, Any]], bool, str]:
        """Claims up to `room` deliveries, `room_of` each workspace; returns them, whether more wait, and the workspace
        that was served last.

        Workspaces are served in turn, beginning behind `after`.
        """
        scope = {"state": "waiting", "lane": lane, "destination": destination}
        workspaces = beginning_behind(await self._collection.distinct("workspace_id", scope), after)
        if not workspaces:
            return [], False, after
        rooms = {workspace: own for workspace in workspaces if (own := room_of(workspace)) > 0}
        turn = list(rooms)[: min(WORKSPACES_AT_ONCE, room)]
        if not turn:
            return [], True, after
        share = -(-room // len(turn))
        found = await asyncio.gather(*(self._ids(scope, each, min(share, rooms[each])) for each in turn))
        ids = in_turn(found)[:room]
        changes = {"state": "leased"}
        free = {"state": "waiting", "flagged": {"$exists": False}}
        taken = await claim(self._collection, ids, free, self._lease_seconds, changes)
        more = len(workspaces) > len(turn) or any(
            len(each) >= min(share, rooms[workspace]) for workspace, each in zip(turn, found, strict=True)
        )
        return taken, more, turn[-1]

    async def _ids(self, scope: Mapping[str, Any], workspace: str, limit: int) -> list[str]:
        query = self._collection.find({**scope, "workspace_id": workspace, "flagged": {"$exists": False}}, {"_id": 1})
        return [document["_id"] async for document in query.sort("_id", 1).limit(limit)]

    async def lapsed(self) -> list[dict[str, Any]]:
        """Leased deliveries whose holder is gone and whose dot may have been sent."""
        sent = {"$expr": {"$and": [LAPSED, {"$eq": ["$data_sent", "$pass"]}]}}
        return await self._collection.find({**LEASED, **sent}).limit(BATCH).to_list(None)

    async def recover_unsent(self) -> int:
        """Lets lapsed leases go whose dot was certainly not sent: they are sent by whoever claims them next.

        Any number of processes may do so at once: each document is let go by one of them.
        """
        unsent = {"$expr": {"$and": [LAPSED, {"$ne": ["$data_sent", "$pass"]}]}}
        recovered = await self._collection.update_many({**LEASED, **unsent}, WAITS_AGAIN)
        return int(recovered.modified_count)
