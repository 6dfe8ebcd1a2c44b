"""Sums by hour, workspace, sending domain and transport in `health_hours`.

They are made anew out of the slots as long as those may change, so that they are what the slots say and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.router.health.counts import NAMES, Counts
from services.router.health.slots import HORIZON, start_of
from services.router.health.store import slots
from services.router.health.store.sent import Sent, sent_of, sums_of

COLLECTION = "health_hours"
HOUR = timedelta(hours=1)
WINDOW = timedelta(days=7)
KEPT_SECONDS = round((WINDOW + timedelta(days=1)).total_seconds())
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel("hour", expireAfterSeconds=KEPT_SECONDS),
        IndexModel([("workspace_id", 1), ("domain", 1), ("hour", 1)]),
        IndexModel([("hour", 1), ("counts.complained", 1)], partialFilterExpression={"counts.complained": {"$gt": 0}}),
    )
}

Domain = tuple[str, str]
"""A workspace's id and one of its sending domains."""


class Hours:
    """The sums of all hours that are kept."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._slots = database[slots.COLLECTION]
        self._hours = database[COLLECTION]

    async def renew(self, now: datetime) -> None:
        """Adds up the slots of every hour that something may still be counted in."""
        key = {name: f"$senders.{name}" for name in ("workspace_id", "domain", "transport")}
        hour = {"$dateTrunc": {"date": "$at", "unit": "hour"}}
        sums = sums_of("$senders.counts")
        parts = {**{name: f"$_id.{name}" for name in (*key, "hour")}, "counts": {name: f"${name}" for name in NAMES}}
        await self._slots.aggregate(
            [
                {"$match": {"at": {"$gte": start_of(now - HORIZON - HOUR, HOUR)}}},
                {"$unwind": "$senders"},
                {"$group": {"_id": {**key, "hour": hour}, **sums}},
                {"$project": parts},
                {"$merge": {"into": COLLECTION, "on": "_id", "whenMatched": "replace"}},
            ]
        ).to_list(None)

    async def complained_of(self, since: datetime) -> list[Domain]:
        """The sending domains that recipients complained of."""
        found = self._hours.aggregate(
            [
                {"$match": {"hour": {"$gte": since}, "counts.complained": {"$gt": 0}}},
                {"$group": {"_id": {"workspace_id": "$workspace_id", "domain": "$domain"}}},
            ]
        )
        return [(each["_id"]["workspace_id"], each["_id"]["domain"]) async for each in found]

    async def of_domains(self, domains: Iterable[Domain], since: datetime) -> dict[Domain, Counts]:
        """The sums of some domains."""
        wanted = [{"workspace_id": workspace, "domain": domain} for workspace, domain in domains]
        return await self._summed({"$or": wanted, "hour": {"$gte": since}}) if wanted else {}

    async def of_workspace(
        self, workspace_id: str, since: datetime, after: str = "", limit: int = 100
    ) -> list[tuple[str, Counts]]:
        """A workspace's sending domains with their sums, in the order of their names from behind `after`."""
        condition = {"workspace_id": workspace_id, "domain": {"$gt": after}, "hour": {"$gte": since}}
        found = await self._summed(condition, {"$sort": {"_id": 1}}, {"$limit": limit})
        return [(domain, counts) for (_, domain), counts in found.items()]

    async def of_transport(self, workspace_id: str, transport: str, since: datetime) -> Counts:
        """What was counted of a workspace's own mail by one transport."""
        condition = {"workspace_id": workspace_id, "transport": transport, "hour": {"$gte": since}}
        return sum((await self._summed(condition)).values(), Counter())

    async def over_time(
        self, workspace_id: str, since: datetime, hours: int, *, domain: str | None = None
    ) -> list[Sent]:
        """What was counted of a workspace's own mail, or of that of one domain, by transport and so many hours."""
        condition: dict[str, Any] = {"workspace_id": workspace_id, "hour": {"$gte": since}}
        if domain is not None:
            condition["domain"] = domain
        at = {"$dateTrunc": {"date": "$hour", "unit": "hour", "binSize": hours}}
        key = {"at": at, "transport": "$transport"}
        found = self._hours.aggregate([{"$match": condition}, {"$group": {"_id": key, **sums_of("$counts")}}])
        return [sent_of(document) async for document in found]

    async def _summed(self, condition: dict[str, Any], *stages: dict[str, Any]) -> dict[Domain, Counts]:
        steps: Sequence[dict[str, Any]] = [
            {"$match": condition},
            {
                "$group": {
                    "_id": {"workspace_id": "$workspace_id", "domain": "$domain"},
                    **sums_of("$counts"),
                }
            },
            *stages,
        ]
        found: dict[Domain, Counts] = {}
        async for each in self._hours.aggregate(steps):
            key = each.pop("_id")
            found[key["workspace_id"], key["domain"]] = Counter(each)
        return found
