"""Slots in `health_slots`: one document for each partition and time, changed by compare-and-set on its version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.router.health.counts import JUDGED
from services.router.health.slots import HORIZON, Counted, Slot, SlotKey, Span, Way
from services.router.health.store.sent import Sent, sent_of, sums_of
from services.router.health.store.versions import replace_versions

COLLECTION = "health_slots"
KEPT_SECONDS = round(4 * HORIZON.total_seconds())  # longer than any hour's sums are made anew
INDEXES: dict[str, tuple[IndexModel, ...]] = {COLLECTION: (IndexModel("at", expireAfterSeconds=KEPT_SECONDS),)}
LEAN = {"version": 1, "at": 1} | {
    f"ways.{name}": 1 for name in ("transport", "rollup", "kind", *(f"counts.{name}" for name in JUDGED))
}


class Slots:
    """All slots that there are."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._slots = database[COLLECTION]
        self._known: dict[str, tuple[int, Span]] = {}

    async def count(self, groups: Mapping[SlotKey, Sequence[Counted]]) -> None:
        """Counts each event in its slot, whoever else counts the same at the same time; one query and one write, once
        more for each race that was lost."""
        while groups:
            slots = await self._read(groups)
            changed = {_id_of(slot.key): slot for slot in slots if slot.add_all(groups[slot.key])}
            written = await replace_versions(self._slots, [_document(slot) for slot in changed.values()])
            groups = {slot.key: groups[slot.key] for id_, slot in changed.items() if id_ not in written}

    async def since(self, moment: datetime) -> list[Span]:
        """What breakers are judged by of each slot that begins at the moment or later. Only slots that have changed
        since the call before are read as a whole."""
        versions = {
            document["_id"]: document["version"]
            async for document in self._slots.find({"at": {"$gte": moment}}, {"version": 1})
        }
        known = {id_: each for id_, each in self._known.items() if versions.get(id_) == each[0]}
        changed = [id_ for id_ in versions if id_ not in known]
        async for document in self._slots.find({"_id": {"$in": changed}}, LEAN):
            known[document["_id"]] = document["version"], Span(document["at"], _ways(document))
        self._known = known
        return [span for _, span in known.values()]

    async def of_transport(self, transport: str, moment: datetime) -> list[Span]:
        """All that was counted of one transport in each slot that begins at the moment or later."""
        its_own = {"$filter": {"input": "$ways", "cond": {"$eq": ["$$this.transport", transport]}}}
        wanted = {"at": {"$gte": moment}, "ways.transport": transport}
        found = self._slots.find(wanted, {"at": 1, "ways": its_own})
        return [Span(document["at"], _ways(document)) async for document in found]

    async def of_workspace(self, workspace_id: str, moment: datetime, minutes: int) -> list[Sent]:
        """What was counted of a workspace's own mail since the moment, by transport and so many minutes."""
        its_own = {"$filter": {"input": "$senders", "cond": {"$eq": ["$$this.workspace_id", workspace_id]}}}
        at = {"$dateTrunc": {"date": "$at", "unit": "minute", "binSize": minutes}}
        found = self._slots.aggregate(
            [
                {"$match": {"at": {"$gte": moment}, "senders.workspace_id": workspace_id}},
                {"$project": {"at": 1, "senders": its_own}},
                {"$unwind": "$senders"},
                {"$group": {"_id": {"at": at, "transport": "$senders.transport"}, **sums_of("$senders.counts")}},
            ]
        )
        return [sent_of(document) async for document in found]

    async def _read(self, keys: Mapping[SlotKey, Any]) -> list[Slot]:
        """The slots as they stand, those that are not there yet too."""
        slots = {_id_of(key): Slot(key) for key in keys}
        async for document in self._slots.find({"_id": {"$in": list(slots)}}):
            slot = slots[document["_id"]]
            slot.version, slot.seen, slot.ways = document["version"], Slot.unpacked(document["seen"]), _ways(document)
            slot.senders = {
                (each["workspace_id"], each["domain"], each["transport"]): Counter(each["counts"])
                for each in document["senders"]
            }
        return list(slots.values())


def _id_of(key: SlotKey) -> str:
    partition, at = key
    return f"{partition}:{at.timestamp():.3f}"


def _ways(document: Mapping[str, Any]) -> dict[tuple[str, str], Way]:
    return {
        (each["transport"], each["rollup"]): Way(each["kind"], Counter(each["counts"])) for each in document["ways"]
    }


def _document(slot: Slot) -> dict[str, Any]:
    partition, at = slot.key
    return {
        "_id": _id_of(slot.key),
        "partition": partition,
        "at": at,
        "version": slot.version + 1,
        "seen": slot.packed(),
        "ways": [
            {"transport": transport, "rollup": rollup, "kind": way.kind, "counts": dict(way.counts)}
            for (transport, rollup), way in slot.ways.items()
        ],
        "senders": [
            {"workspace_id": workspace, "domain": domain, "transport": transport, "counts": dict(counts)}
            for (workspace, domain, transport), counts in slot.senders.items()
        ],
    }
