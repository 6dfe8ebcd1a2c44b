"""Counts over the read model: what became of a workspace's messages, all together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from services.ingest.store.messages import COLLECTION, MOST_COUNTED, READ_MS

Expression = dict[str, Any]


def _has(*times: str) -> Expression:
    return {"$or": [{"$gt": [f"$times.{time}", None]} for time in times]}


def _events(type_: str) -> Expression:
    of_type = {"input": {"$objectToArray": "$events"}, "cond": {"$eq": ["$$this.v.type", type_]}}
    return {"$size": {"$filter": of_type}}


BOUNCED: Expression = {"$eq": ["$head.status", "bounced"]}
OPENED, CLICKED = _has("opened_at", "machine_opened_at"), _has("clicked_at", "machine_clicked_at")
MESSAGES: Mapping[str, Expression] = {
    "taken": {"$and": [_has("sent_at"), {"$not": BOUNCED}]},
    "bounced": BOUNCED,
    "opened": OPENED,
    "clicked": CLICKED,
    "complained": _has("complained_at"),
    "unsubscribed": _has("unsubscribed_at"),
}
EVENTS: Mapping[str, Expression] = {
    "opens": {"$cond": [OPENED, _events("opened"), 0]},
    "clicks": {"$cond": [CLICKED, _events("clicked"), 0]},
}


class Statistics:
    """Reads only; each call names the workspace."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._messages = database[COLLECTION]

    async def counts(self, workspace_id: str, conditions: Mapping[str, Any]) -> dict[str, int]:
        """How many of the newest 100,000 messages that meet the conditions were taken by a server and not returned,
        `bounced`, `opened` and so on; `opens` and `clicks` are how often that was."""
        sums = {name: {"$sum": {"$cond": [is_so, 1, 0]}} for name, is_so in MESSAGES.items()}
        totals = {name: {"$sum": count} for name, count in EVENTS.items()}
        pipeline: list[dict[str, Any]] = [
            {"$match": {"workspace_id": workspace_id, "head": {"$exists": True}, **conditions}},
            {"$sort": {"_id": -1}},
            {"$limit": MOST_COUNTED},
            {"$group": {"_id": None, **sums, **totals}},
            {"$unset": "_id"},
        ]
        found = await self._messages.aggregate(pipeline, maxTimeMS=READ_MS).to_list(1)
        return dict(found[0]) if found else dict.fromkeys((*sums, *totals), 0)
