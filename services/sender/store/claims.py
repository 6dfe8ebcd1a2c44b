"""Claims: which waiting deliveries a process takes, and what becomes of leases that ran out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from services.sender.store.deliveries import Deliveries
from shared.mongo.due import claim

WORKSPACES_AT_ONCE = 16
BATCH = 500


class Claims:
    """Takes waiting work of a destination: workspaces in turn, oldest first."""

    def __init__(self, deliveries: Deliveries, lease_seconds: float) -> None:
        self._collection = deliveries.collection
        self._lease_seconds = lease_seconds

    async def waiting(self, lane: str) -> list[str]:
        """The destinations that work waits for."""
        return await self._collection.distinct("destination", {"state": "waiting", "lane": lane})

    async def take(self, lane: str, destination: str, room: int, after: str) -> tuple[list[dict[str, Any]], bool, str]:
        """Claims up to `room` deliveries; returns them, whether more wait, and the workspace that was served last.

        Workspaces are served in turn, beginning behind `after`.
        """
        scope = {"state": "waiting", "lane": lane, "destination": destination}
        workspaces = sorted(await self._collection.distinct("workspace_id", scope))
        if not workspaces:
            return [], False, after
        first = next((place for place, name in enumerate(workspaces) if name > after), 0)
        turn = (workspaces[first:] + workspaces[:first])[: min(WORKSPACES_AT_ONCE, room)]
        share = -(-room // len(turn))
        found = await asyncio.gather(*(self._ids(scope, workspace, share) for workspace in turn))
        ids = _in_turn(found)[:room]
        changes = {"state": "leased"}
        taken = await claim(self._collection, ids, {"state": "waiting"}, self._lease_seconds, changes)
        more = len(workspaces) > len(turn) or any(len(each) >= share for each in found)
        return taken, more, turn[-1]

    async def _ids(self, scope: Mapping[str, Any], workspace: str, limit: int) -> list[str]:
        query = self._collection.find({**scope, "workspace_id": workspace, "flagged": {"$exists": False}}, {"_id": 1})
        return [document["_id"] async for document in query.sort("_id", 1).limit(limit)]

    async def lapsed(self) -> list[dict[str, Any]]:
        """Leased deliveries whose holder is gone and whose dot may have been sent."""
        query = self._collection.find(
            {
                "lease.until": {"$exists": True},
                "state": "leased",
                "$expr": {"$and": [{"$lt": ["$lease.until", "$$NOW"]}, {"$eq": ["$data_sent", "$pass"]}]},
            }
        )
        return await query.limit(BATCH).to_list(None)

    async def recover_unsent(self) -> int:
        """Lets lapsed leases go whose dot was certainly not sent: they are sent by whoever claims them next."""
        recovered = await self._collection.update_many(
            {
                "lease.until": {"$exists": True},
                "state": "leased",
                "$expr": {"$and": [{"$lt": ["$lease.until", "$$NOW"]}, {"$ne": ["$data_sent", "$pass"]}]},
            },
            {"$set": {"state": "waiting"}, "$unset": {"lease": ""}},
        )
        return int(recovered.modified_count)


def _in_turn(lists: Sequence[Sequence[str]]) -> list[str]:
    """One of each list, then the next of each, and so on."""
    longest = max(map(len, lists), default=0)
    return [each[place] for place in range(longest) for each in lists if place < len(each)]
