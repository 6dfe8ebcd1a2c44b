"""Counts of activity, read: what happened to a workspace's mail, and how long it waited for its first attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from services.ingest.projection.activity import SLOT, slot_of
from services.ingest.projection.waits import Waits
from services.ingest.store.activity_counts import COLLECTION
from services.ingest.store.messages import READ_MS
from shared.contracts.topics import Lane

DAY_MINUTES = 24 * 60
FIELDS = {"_id": 0, "begins_at": 1, "counts": 1, "waits": 1}

Counts = Mapping[str, int]


def _by_lane() -> dict[Lane, Counts]:
    return {lane: {} for lane in Lane}


@dataclass(frozen=True, slots=True)
class Slot:
    """What happened from `begins_at` on: in each lane how many events of each type (`accepted`, `delivered`, `relayed`,
    …) and how many first attempts after which wait (see `waits.NAMES`); how many webhooks were `ok` or `failed`."""

    begins_at: datetime
    lanes: Mapping[Lane, Counts] = field(default_factory=_by_lane)
    waits: Mapping[Lane, Counts] = field(default_factory=_by_lane)
    webhooks: Counts = field(default_factory=dict)

    @property
    def counts(self) -> Counts:
        """How many events of each type there were in all lanes."""
        return _summed(self.lanes.values())


@dataclass(frozen=True, slots=True)
class Stretch:
    """Slots in a row, oldest first, of which the last is under way at `until`."""

    slots: Sequence[Slot]
    until: datetime

    @property
    def since(self) -> datetime:
        return self.slots[0].begins_at

    def last(self, minutes: int) -> Stretch:
        """The end of it: at least so many minutes, back to the beginning of a slot."""
        since = slot_of(self.until - timedelta(minutes=minutes))
        return Stretch([slot for slot in self.slots if slot.begins_at >= since], self.until)

    def in_steps(self, step: timedelta) -> list[Slot]:
        """What happened in each step of the clock that begins within it, counts alone; the last is under way."""
        begun = groupby(self.slots, lambda slot: slot_of(slot.begins_at, step))
        return [
            Slot(begins_at, {lane: _summed(slot.lanes[lane] for slot in slots) for lane in Lane})
            for begins_at, slots in ((begins_at, list(each)) for begins_at, each in begun)
            if begins_at >= self.since
        ]

    def total(self) -> Slot:
        """All that happened, as one slot."""
        return Slot(
            self.since,
            {lane: _summed(slot.lanes[lane] for slot in self.slots) for lane in Lane},
            {lane: _summed(slot.waits[lane] for slot in self.slots) for lane in Lane},
            _summed(slot.webhooks for slot in self.slots),
        )

    def per_minute(self, count: int) -> float:
        """The rate that a count of this time is."""
        return count / ((self.until - self.since) / timedelta(minutes=1))

    def latency(self, lane: Lane = Lane.CRITICAL) -> Waits:
        """How long messages of a lane waited for their first attempts, of those attempts that ended in this time."""
        return Waits(_summed(slot.waits[lane] for slot in self.slots))


class Activity:
    """Reads only; the call names the workspace."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._activity = database[COLLECTION]

    async def last(self, workspace_id: str, now: datetime, minutes: int = DAY_MINUTES) -> Stretch:
        """The slots of at least so many minutes up to now, also those in which nothing happened: one query."""
        first = slot_of(now - timedelta(minutes=minutes))
        condition = {"workspace_id": workspace_id, "begins_at": {"$gte": first}}
        query = self._activity.find(condition, FIELDS).max_time_ms(READ_MS)
        found = {document["begins_at"]: _slot(document) for document in await query.to_list(None)}
        times = (first + number * SLOT for number in range((slot_of(now) - first) // SLOT + 1))
        return Stretch([found.get(begins_at) or Slot(begins_at) for begins_at in times], now)


def _slot(document: Mapping[str, Any]) -> Slot:
    counts, waits = document.get("counts", {}), document.get("waits", {})
    return Slot(
        document["begins_at"],
        {lane: counts.get(lane, {}) for lane in Lane},
        {lane: waits.get(lane, {}) for lane in Lane},
        counts.get("webhooks", {}),
    )


def _summed(parts: Iterable[Counts]) -> Counts:
    summed: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            summed[name] = summed.get(name, 0) + count
    return summed
