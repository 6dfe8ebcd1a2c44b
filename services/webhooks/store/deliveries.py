"""The jobs as their owners see them: found, listed, counted, and made due again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from services.webhooks.outcomes import JobState
from services.webhooks.states import ENDS, DeliveryState
from services.webhooks.store.jobs import DUE, JOBS, LEASE_FREE, OF_ENDPOINT, OF_MESSAGE, OF_WORKSPACE, WAITING

Position = tuple[datetime, str]
"""A place in a list: when the job there was made, and its id."""

REPLAYS_KEPT = 100
_FINISHED = [str(state) for state in ENDS.values()]
_HELD = {"$expr": {"$gte": ["$lease.until", "$$NOW"]}}
_CONDITIONS: Mapping[DeliveryState, Mapping[str, Any]] = {
    DeliveryState.PENDING: {"state": WAITING, "attempt": 0, **LEASE_FREE},
    DeliveryState.PROCESSING: {"state": WAITING, **_HELD},
    DeliveryState.RETRYING: {"state": WAITING, "attempt": {"$gt": 0}, **LEASE_FREE},
    **{state: {"state": str(end)} for state, end in ENDS.items()},
}
# every state by name, so that each is read in order from the index and they are merged, instead of sorted
_ANY_STATE = {"state": {"$in": [str(state) for state in JobState]}}
_DUE_AGAIN: list[dict[str, Any]] = [
    {"$set": {"state": WAITING, "due_at": "$$NOW"}},
    {"$unset": ["lease", "finished_at", "purge_at"]},
]
_ROUND_ENDED = {"$set": {"earlier": "$attempt"}}
"""Goes before _DUE_AGAIN where the schedule is to begin anew."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries of a workspace: of one endpoint, message, type or state, made from `since` to before `until`."""

    workspace_id: str
    endpoint_id: str | None = None
    state: DeliveryState | None = None
    event_type: str | None = None
    message_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Deliveries:
    """The jobs as their owners see them."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self.collection = database[JOBS]

    async def page(self, wanted: Wanted, before: Position | None, limit: int) -> list[dict[str, Any]]:
        """Newest first, without their bodies."""
        query = self.collection.find(condition_of(wanted, before), {"body": 0}).hint(index_of(wanted))
        found: list[dict[str, Any]] = await query.sort([("created_at", -1), ("_id", -1)]).limit(limit).to_list(None)
        return found

    async def get(self, workspace_id: str, endpoint_id: str, id_: str) -> dict[str, Any] | None:
        """One delivery, with its body."""
        found: dict[str, Any] | None = await self.collection.find_one(_named(workspace_id, endpoint_id, id_))
        return found

    async def retry(self, workspace_id: str, endpoint_id: str, id_: str) -> bool:
        """Makes a delivery due now that waits or has ended without success; False where there is none such.

        One that had ended begins its schedule anew; one that somebody holds is left alone.
        """
        named = _named(workspace_id, endpoint_id, id_)
        ended = {"state": {"$in": [str(JobState.EXHAUSTED), str(JobState.CANCELED)]}}
        again = await self.collection.update_one({**named, **ended}, [_ROUND_ENDED, *_DUE_AGAIN])
        if again.matched_count:
            return True
        waiting = {"state": WAITING, **LEASE_FREE}
        return bool((await self.collection.update_one({**named, **waiting}, _DUE_AGAIN)).matched_count)

    async def ended(
        self, wanted: Wanted, states: Collection[JobState], types: Collection[str], after: Position | None, limit: int
    ) -> list[Position]:
        """The first deliveries behind a position, oldest first, that have ended in one of the states; without `types`
        those of every type."""
        condition: dict[str, Any] = {
            "workspace_id": wanted.workspace_id,
            "endpoint_id": wanted.endpoint_id,
            "state": {"$in": [str(state) for state in states]},
            "created_at": {"$gte": after[0] if after else wanted.since, "$lt": wanted.until},
        }
        if types:
            condition["event_type"] = {"$in": list(types)}
        if after is not None:
            condition["$or"] = [{"created_at": {"$gt": after[0]}}, {"created_at": after[0], "_id": {"$gt": after[1]}}]
        query = self.collection.find(condition, {"created_at": 1}).hint(OF_ENDPOINT)
        oldest_first = query.sort([("created_at", 1), ("_id", 1)]).limit(limit)
        return [(document["created_at"], document["_id"]) async for document in oldest_first]

    async def replay(self, replay_id: str, ids: Sequence[str]) -> int:
        """Makes deliveries that have ended due now, each once for this replay however often it is asked; returns how
        many of them it has had."""
        replays = {"$concatArrays": [{"$ifNull": ["$replays", []]}, [replay_id]]}
        marked = {"$set": {"replays": {"$slice": [replays, -REPLAYS_KEPT]}}}
        await self.collection.update_many(
            {"_id": {"$in": list(ids)}, "state": {"$in": _FINISHED}, "replays": {"$ne": replay_id}},
            [marked, _ROUND_ENDED, *_DUE_AGAIN],
        )
        return await self.collection.count_documents({"_id": {"$in": list(ids)}, "replays": replay_id})

    async def backfilled(self, backfill_id: str, ids: Sequence[str]) -> int:
        """How many of these deliveries a back-fill has made."""
        return await self.collection.count_documents({"_id": {"$in": list(ids)}, "backfill": backfill_id})

    async def due(self, endpoint_id: str, most: int) -> int:
        """How many deliveries of an endpoint are due or being posted, counted up to `most`."""
        condition = {"state": WAITING, "endpoint_id": endpoint_id, **DUE}
        return await self.collection.count_documents(condition, limit=most)

    async def waiting(self, workspace_id: str, endpoint_id: str | None, most: int) -> tuple[int, datetime | None]:
        """How many deliveries of a workspace or of one endpoint wait, counted up to `most`, and when the oldest of them
        was made."""
        wanted = Wanted(workspace_id, endpoint_id)
        pipeline: list[dict[str, Any]] = [
            {"$match": {**_of(wanted), "state": WAITING}},
            {"$sort": {"created_at": 1, "_id": 1}},
            {"$limit": most},
            {"$group": {"_id": None, "count": {"$sum": 1}, "oldest": {"$first": "$created_at"}}},
        ]
        found = await self.collection.aggregate(pipeline, hint=dict(index_of(wanted))).to_list(None)
        return (found[0]["count"], found[0]["oldest"]) if found else (0, None)

    async def lost(self, workspace_id: str, endpoint_id: str | None, since: datetime, most: int) -> int:
        """How many of those made since then were given up or canceled, counted up to `most`."""
        wanted = Wanted(workspace_id, endpoint_id)
        ended = {"state": {"$in": [str(JobState.EXHAUSTED), str(JobState.CANCELED)]}, "created_at": {"$gte": since}}
        return await self.collection.count_documents({**_of(wanted), **ended}, limit=most, hint=index_of(wanted))


def condition_of(wanted: Wanted, before: Position | None) -> dict[str, Any]:
    """The filter of a page."""
    condition = _of(wanted)
    condition |= _CONDITIONS[wanted.state] if wanted.state is not None else _ANY_STATE
    made = {"$gte": wanted.since, "$lt": wanted.until, "$lte": before and before[0]}
    if any(made.values()):
        condition["created_at"] = {name: moment for name, moment in made.items() if moment is not None}
    if before is not None:
        condition["$or"] = [{"created_at": {"$lt": before[0]}}, {"created_at": before[0], "_id": {"$lt": before[1]}}]
    return condition


def index_of(wanted: Wanted) -> Sequence[tuple[str, int]]:
    """The index to read a page from: the server would take another one where it finds nothing at first."""
    if wanted.message_id is not None:
        return OF_MESSAGE
    return OF_WORKSPACE if wanted.endpoint_id is None else OF_ENDPOINT


def _of(wanted: Wanted) -> dict[str, Any]:
    names = ("workspace_id", "endpoint_id", "event_type", "message_id")
    return {name: value for name in names if (value := getattr(wanted, name)) is not None}


def _named(workspace_id: str, endpoint_id: str, id_: str) -> dict[str, Any]:
    return {"_id": id_, "workspace_id": workspace_id, "endpoint_id": endpoint_id}
