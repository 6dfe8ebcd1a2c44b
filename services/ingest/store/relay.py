"""Submissions on their way to Kafka: what waits for the relay, and what the sweeper looks at again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne

from services.ingest.rules import KEPT_AFTER, Sweep
from shared.contracts.topics import Lane

COLLECTION = "submissions"
PENDING = {"pending": {"$exists": True}}
ORDER = [("workspace_id", 1), ("_id", 1)]
FIELDS = {
    **dict.fromkeys(("workspace_id", "accepted_at", "scheduled_at", "published_at", "trace", "pending"), 1),
    "messages.id": 1,
    "messages.record": 1,
}
WORKSPACES_AT_ONCE = 16
BACKLOG_MAX = 100_000

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel([("lane", 1), ("workspace_id", 1), ("_id", 1)], partialFilterExpression=PENDING),
        IndexModel("sweep_at", partialFilterExpression={"sweep_at": {"$exists": True}}),
        IndexModel("purge_at", expireAfterSeconds=0, partialFilterExpression={"purge_at": {"$exists": True}}),
    ),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A submission with the records that are to be published, by message id.

    `due_at` is when they were to go: at acceptance, or when they were scheduled for; `repeated` says that they were
    published, and acknowledged, before.
    """

    id: str
    workspace_id: str
    accepted_at: datetime
    due_at: datetime
    trace: str | None
    repeated: bool
    records: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Shares:
    """What was taken of several workspaces, the one that was served last, and whether more waits."""

    taken: list[Waiting]
    after: str
    more: bool


class Relayed:
    """The relay's and the sweeper's side of the submissions."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._submissions = database[COLLECTION]

    async def waiting(self, lane: Lane, messages: int, **place: Any) -> tuple[list[Waiting], bool]:
        """What waits, oldest first within each workspace, and whether there is more of it.

        No further submission once there are so many messages; `place` narrows it to a workspace, or to what is behind
        one of its submissions.
        """
        condition = {"lane": lane.value, **PENDING, **place}
        query = self._submissions.find(condition, FIELDS).sort(ORDER).limit(messages + 1)
        taken: list[Waiting] = []
        count = 0
        async for document in query:
            if count >= messages:
                return taken, True
            taken.append(_waiting(document))
            count += len(taken[-1].records)
        return taken, False

    async def shares(self, lane: Lane, after: str, messages: int) -> Shares:
        """An equal share of so many messages for each of the workspaces behind `after`.

        What some leave of theirs is for those that have more.
        """
        most = min(WORKSPACES_AT_ONCE, messages)
        workspaces = await self._workspaces(lane, after, most)
        if not workspaces:
            return Shares([], "", more=False)
        share = messages // len(workspaces)
        found = await asyncio.gather(*(self.waiting(lane, share, workspace_id=each) for each in workspaces))
        taken = [one for each, _ in found for one in each]
        last = [each[-1] for each, more in found if more]
        left = messages - sum(len(one.records) for one in taken)
        if last and left >= len(last):
            behind = [{"workspace_id": one.workspace_id, "_id": {"$gt": one.id}} for one in last]
            rest = await asyncio.gather(*(self.waiting(lane, left // len(last), **each) for each in behind))
            taken += [one for each, _ in rest for one in each]
        return Shares(taken, workspaces[-1], more=bool(last) or len(workspaces) == most)

    async def _workspaces(self, lane: Lane, after: str, most: int) -> list[str]:
        """The next workspaces behind `after` that have anything waiting; after the last one come the first ones."""
        found = await self._between(lane, {"$gt": after}, most)
        if after and len(found) < most:
            found += await self._between(lane, {"$gt": "", "$lte": after}, most - len(found))
        return found

    async def _between(self, lane: Lane, place: dict[str, str], most: int) -> list[str]:
        """One query for each: a `distinct` would read every submission that waits."""
        found: list[str] = []
        while len(found) < most:
            condition = {"lane": lane.value, **PENDING, "workspace_id": place}
            document = await self._submissions.find_one(condition, {"workspace_id": 1}, sort=ORDER)
            if document is None:
                break
            found.append(document["workspace_id"])
            place = {**place, "$gt": found[-1]}
        return found

    async def mark_published(self, ids: Sequence[str], first: float, longest: float) -> None:
        """Marks submissions whose records are all acknowledged; the sweeper looks at them in `first` seconds or more,
        doubled for each time that it has done so, at most `longest`."""
        wait = {"$min": [longest * 1000, {"$multiply": [first * 1000, {"$pow": [2, {"$min": ["$sweeps", 30]}]}]}]}
        await self._submissions.update_many(
            {"_id": {"$in": list(ids)}, **PENDING},
            [
                {
                    "$set": {
                        "published_at": {"$ifNull": ["$published_at", "$$NOW"]},
                        "sweep_at": {"$add": ["$$NOW", {"$toLong": wait}]},
                    }
                },
                {"$unset": "pending"},
            ],
        )

    async def backlog(self, lane: Lane) -> tuple[int, datetime | None]:
        """How many submissions wait (counted up to 100,000) and since when the oldest of them does."""
        rows = await self._submissions.aggregate(
            [
                {"$match": {"lane": lane.value, **PENDING}},
                {"$limit": BACKLOG_MAX},
                {
                    "$group": {
                        "_id": None,
                        "count": {"$sum": 1},
                        "oldest": {"$min": {"$ifNull": ["$scheduled_at", "$accepted_at"]}},
                    }
                },
            ]
        ).to_list(1)
        return (rows[0]["count"], rows[0]["oldest"]) if rows else (0, None)

    async def due(self, now: datetime, limit: int) -> list[dict[str, Any]]:
        """Submissions to look at again, the longest due first."""
        fields = {"lane": 1, "expires_at": 1, "sweeps": 1, "sweep_at": 1, "messages.id": 1, "trace": 1}
        query = self._submissions.find({"sweep_at": {"$lte": now}}, fields).sort("sweep_at", 1).limit(limit)
        found: list[dict[str, Any]] = await query.to_list(None)
        return found

    async def records(self, message_ids: Sequence[str], submission_ids: Sequence[str]) -> dict[str, bytes]:
        """The records of some messages of these submissions, by message id."""
        wanted = set(message_ids)
        query = self._submissions.find({"_id": {"$in": list(submission_ids)}}, {"messages.id": 1, "messages.record": 1})
        return {
            message["id"]: bytes(message["record"])
            async for document in query
            for message in document["messages"]
            if message["id"] in wanted
        }

    async def settle(self, sweeps: Sequence[tuple[Mapping[str, Any], Sweep]]) -> None:
        """Writes what was decided, where nobody else has done so since the submission was read."""
        writes = [
            UpdateOne({"_id": document["_id"], "sweep_at": document["sweep_at"]}, _settled(document, sweep))
            for document, sweep in sweeps
        ]
        if writes:
            await self._submissions.bulk_write(writes, ordered=False)


def _waiting(document: Mapping[str, Any]) -> Waiting:
    pending = set(document["pending"])
    records = {one["id"]: bytes(one["record"]) for one in document["messages"] if one["id"] in pending}
    accepted_at = document["accepted_at"]
    due_at = document.get("scheduled_at") or accepted_at
    return Waiting(
        document["_id"],
        document["workspace_id"],
        accepted_at,
        due_at,
        document.get("trace"),
        "published_at" in document,
        records,
    )


def _settled(document: Mapping[str, Any], sweep: Sweep) -> dict[str, Any]:
    if sweep.again:
        return {"$set": {"pending": list(sweep.again)}, "$unset": {"sweep_at": ""}, "$inc": {"sweeps": 1}}
    if sweep.next_at is not None:
        return {"$set": {"sweep_at": sweep.next_at}, "$inc": {"sweeps": 1}}
    return {"$set": {"purge_at": document["expires_at"] + KEPT_AFTER}, "$unset": {"sweep_at": ""}}
