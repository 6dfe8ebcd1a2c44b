"""Counts of activity, written: one document for each workspace and slot, changed by compare-and-set on its offsets.

`{_id, workspace_id, begins_at, offsets: {<source>: <offset>}, counts: {critical, standard, webhooks: {<what>: n}},
waits: {critical, standard: {<bound>: n}}}`. A slot that is lost is counted again by a rebuild; one that has counted a
part keeps to that. Of a topic that was deleted and made anew, slots that are there already count nothing until its
offsets are beyond those of the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne
from pymongo.errors import BulkWriteError

from services.ingest.projection.activity import KEPT, Addition, Counted, Tally, tallies

COLLECTION = "activity"
DUPLICATE_KEY = 11_000
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel([("workspace_id", 1), ("begins_at", 1)]),
        IndexModel("begins_at", expireAfterSeconds=round(KEPT.total_seconds())),
    )
}


class ActivityCounts:
    """The projector's side of the counts."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._activity = database[COLLECTION]

    async def add(self, records: Iterable[Counted]) -> None:
        """Counts each record, whoever else counts the same at the same time: one query and one write, and once more
        for each race that was lost. Of each partition they must come in their order."""
        slots = {_id_of(each): each for each in tallies(records)}
        while slots:
            stand = await self._offsets(slots)
            additions = {id_: each.beyond(stand.get(id_, {})) for id_, each in slots.items()}
            writes = [
                _update(id_, slots[id_], each, upsert=id_ not in stand)
                for id_, each in additions.items()
                if each.offsets
            ]
            if not writes or await self._write(writes):
                return

    async def _offsets(self, ids: Iterable[str]) -> dict[str, Mapping[str, int]]:
        found = self._activity.find({"_id": {"$in": list(ids)}}, {"offsets": 1})
        return {document["_id"]: document["offsets"] async for document in found}

    async def _write(self, writes: Sequence[UpdateOne]) -> bool:
        """False where another was first at any of them: what was written can be told by reading it back alone."""
        try:
            written = await self._activity.bulk_write(list(writes), ordered=False)
        except BulkWriteError as error:
            if _is_lost_race(error.details or {}):
                return False
            raise
        return bool(written.matched_count + written.upserted_count == len(writes))


def _id_of(tally: Tally) -> str:
    return f"{tally.workspace_id}:{tally.begins_at:%Y-%m-%dT%H:%MZ}"


def _update(id_: str, tally: Tally, addition: Addition, *, upsert: bool) -> UpdateOne:
    stands = {
        f"offsets.{source}": {"$exists": False} if before is None else before
        for source, (before, _) in addition.offsets.items()
    }
    operators: dict[str, Any] = {
        "$setOnInsert": {"workspace_id": tally.workspace_id, "begins_at": tally.begins_at},
        "$set": {f"offsets.{source}": after for source, (_, after) in addition.offsets.items()},
    }
    if addition.counters:
        operators["$inc"] = dict(addition.counters)
    return UpdateOne({"_id": id_, **stands}, operators, upsert=upsert)


def _is_lost_race(details: Mapping[str, Any]) -> bool:
    faults = details.get("writeErrors", [])
    return not details.get("writeConcernErrors") and all(each.get("code") == DUPLICATE_KEY for each in faults)
