"""Counts of activity, read: what happened to a workspace's mail, and how long it waited for its first attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from services.ingest.projection.activity import SLOT, slot_of
from services.ingest.projection.waits import Waits
from services.ingest.store.activity_counts import COLLECTION
from services.ingest.store.messages import READ_MS
from shared.contracts.topics import Lane

HOURS = 24
FIELDS = {"_id": 0, "begins_at": 1, "counts": 1, "waits": 1}


@dataclass(frozen=True, slots=True)
class Slot:
    """What happened from `begins_at` on for the time of a slot: of each lane how many events of each type (`accepted`,
    `delivered`, `relayed`, …), of webhooks how many posts were `ok` or `failed`."""

    begins_at: datetime
    lanes: Mapping[Lane, Counter[str]] = field(default_factory=lambda: {lane: Counter() for lane in Lane})
    webhooks: Counter[str] = field(default_factory=Counter)
    waits: Mapping[Lane, Counter[str]] = field(default_factory=lambda: {lane: Counter() for lane in Lane})

    def add(self, other: Slot) -> None:
        for lane in Lane:
            self.lanes[lane].update(other.lanes[lane])
            self.waits[lane].update(other.waits[lane])
        self.webhooks.update(other.webhooks)


@dataclass(frozen=True, slots=True)
class Recent:
    """What happened between two moments, all together."""

    since: datetime
    until: datetime
    total: Slot

    def per_minute(self, count: int) -> float:
        """The rate that a count of this time is."""
        return count / ((self.until - self.since) / timedelta(minutes=1))


class Activity:
    """Reads only; each call names the workspace and is one query over the slots of its time."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._activity = database[COLLECTION]

    async def day(self, workspace_id: str, now: datetime, hours: int = HOURS) -> list[Slot]:
        """The slots of the last hours, oldest first, with those in which nothing happened; the last is the present."""
        many = hours * timedelta(hours=1) // SLOT
        first = slot_of(now) - (many - 1) * SLOT
        found = {slot.begins_at: slot for slot in await self._since(workspace_id, first)}
        times = (first + number * SLOT for number in range(many))
        return [found.get(begins_at) or Slot(begins_at) for begins_at in times]

    async def recent(self, workspace_id: str, now: datetime, minutes: int) -> Recent:
        """What happened in at least so many of the last minutes, back to the beginning of a slot."""
        since = slot_of(now - timedelta(minutes=minutes))
        return Recent(since, now, total(since, await self._since(workspace_id, since)))

    async def latency(self, workspace_id: str, now: datetime, minutes: int, lane: Lane = Lane.CRITICAL) -> Waits:
        """How long messages of a lane waited whose first attempt ended in the last minutes, at least so many."""
        return Waits((await self.recent(workspace_id, now, minutes)).total.waits[lane])

    async def _since(self, workspace_id: str, moment: datetime) -> list[Slot]:
        found = self._activity.find({"workspace_id": workspace_id, "begins_at": {"$gte": moment}}, FIELDS)
        return [_slot(document) async for document in found.max_time_ms(READ_MS)]


def total(since: datetime, slots: Iterable[Slot]) -> Slot:
    """All that happened in these slots, as one that begins at `since`."""
    summed = Slot(since)
    for each in slots:
        summed.add(each)
    return summed


def _slot(document: Mapping[str, Any]) -> Slot:
    counts, waits = document.get("counts", {}), document.get("waits", {})
    return Slot(
        document["begins_at"],
        {lane: Counter(counts.get(lane, {})) for lane in Lane},
        Counter(counts.get("webhooks", {})),
        {lane: Counter(waits.get(lane, {})) for lane in Lane},
    )
