"""The jobs: one for each event and endpoint, with the lease of whoever posts it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import Binary
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne

from services.webhooks.outcomes import JobState
from services.webhooks.rules import Job
from shared.contracts.webhooks import WebhookAttempt
from shared.mongo import due
from shared.mongo.group_commit import Insert, insert_group

JOBS = "jobs"
KEPT_DAYS = 30.0
WAITING = str(JobState.WAITING)
_NEWEST_FIRST = [("created_at", -1), ("_id", -1), ("event_type", 1)]
OF_ENDPOINT = [("workspace_id", 1), ("endpoint_id", 1), ("state", 1), *_NEWEST_FIRST]
OF_WORKSPACE = [("workspace_id", 1), ("state", 1), *_NEWEST_FIRST]
OF_MESSAGE = [("workspace_id", 1), ("message_id", 1)]

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    JOBS: (
        IndexModel([("state", 1), ("endpoint_id", 1), ("due_at", 1)]),
        IndexModel("lease.token", sparse=True),
        IndexModel(OF_ENDPOINT),
        IndexModel(OF_WORKSPACE),
        IndexModel(OF_MESSAGE),
        IndexModel("purge_at", expireAfterSeconds=0, sparse=True),
    ),
}

LEASE_FREE = {"$expr": {"$lt": ["$lease.until", "$$NOW"]}}  # one without a lease too: nothing is less than any time
DUE = {"$expr": {"$lte": ["$due_at", "$$NOW"]}}
_FIRST_OF_EACH: list[dict[str, Any]] = [
    # answered from the index alone, one step for each endpoint however many jobs it has
    {"$match": {"state": WAITING}},
    {"$sort": {"state": 1, "endpoint_id": 1, "due_at": 1}},
    {"$group": {"_id": "$endpoint_id", "due_at": {"$first": "$due_at"}}},
]


@dataclass(frozen=True, slots=True)
class JobEnd:
    """What a job becomes under the lease that it is held by, and the attempt that made it so, if one was made.

    `gone` says that the endpoint asked for no more webhooks.
    """

    job: Job
    state: JobState
    at: datetime
    next_at: datetime | None = None
    attempt: WebhookAttempt | None = None
    gone: bool = False


class Jobs:
    """The jobs: one for each event and endpoint, kept for `kept_days` after its end."""

    def __init__(self, database: AsyncIOMotorDatabase, lease_seconds: float, kept_days: float = KEPT_DAYS) -> None:
        self._jobs = database[JOBS]
        self._lease_seconds = lease_seconds
        self._kept = timedelta(days=kept_days)

    async def insert(self, jobs: Sequence[Job], leased_until: datetime) -> list[bool]:
        """Inserts the jobs in one write; says of each whether it is new. Those with a token are ours already."""
        inserted = await insert_group(self._jobs, [_document(job, leased_until) for job in jobs])
        return [answer.result is Insert.DONE for answer in inserted]

    async def due(self, excluded: Collection[str], endpoints: int, of_each: int) -> dict[str, list[str]]:
        """Ids of due jobs that nobody holds, by endpoint: those that have waited longest, `of_each` at most."""
        job = {"$expr": {"$eq": ["$endpoint_id", "$$endpoint"]}}
        pipeline = [
            *_FIRST_OF_EACH,
            {"$match": {"_id": {"$nin": list(excluded)}, **DUE}},
            {"$sort": {"due_at": 1}},
            {"$limit": endpoints},
            {
                "$lookup": {
                    "from": JOBS,
                    "let": {"endpoint": "$_id"},
                    "pipeline": [
                        {"$match": {"state": WAITING, "$and": [job, DUE, LEASE_FREE]}},
                        {"$sort": {"due_at": 1}},
                        {"$limit": of_each},
                        {"$project": {"_id": 1}},
                    ],
                    "as": "jobs",
                }
            },
        ]
        found = await self._jobs.aggregate(pipeline).to_list(None)
        return {row["_id"]: [job["_id"] for job in row["jobs"]] for row in found if row["jobs"]}

    async def claim(self, ids: Sequence[str]) -> tuple[list[Job], int]:
        """Takes those of the jobs that are still due and free; also says how many had a lease that ran out."""
        condition = {"state": WAITING, "$and": [DUE, LEASE_FREE]}
        # a lease that somebody let run out leaves its mark, which finishing an attempt takes away
        changes = {"recovered": {"$ne": [{"$type": "$lease"}, "missing"]}}
        taken = await due.claim(self._jobs, ids, condition, self._lease_seconds, changes)
        return [_job(document) for document in taken], sum(document["recovered"] for document in taken)

    async def renew(self, tokens: Collection[str]) -> None:
        if tokens:
            await due.renew(self._jobs, tokens, self._lease_seconds)

    async def give_back(self, jobs: Sequence[Job]) -> None:
        """Ends the leases of jobs that were not posted; they are due as they were."""
        await self._jobs.update_many(
            {"_id": {"$in": [job.id for job in jobs]}, "lease.token": {"$in": list({job.token for job in jobs})}},
            {"$unset": {"lease": ""}},
        )

    async def finish(self, ends: Sequence[JobEnd]) -> None:
        """Writes what became of the jobs, each only where it is still held by us."""
        await self._jobs.bulk_write([self._ending(end) for end in ends], ordered=False)

    async def cancel(self, endpoint_id: str, now: datetime) -> None:
        """Ends everything that waits for an endpoint; a post under way is still kept as an attempt."""
        await self._jobs.update_many(
            {"state": WAITING, "endpoint_id": endpoint_id},
            {"$set": {"state": str(JobState.CANCELED), **self._ended(now)}, "$unset": {"lease": ""}},
        )

    async def oldest_due_age(self) -> float:
        """Seconds since the oldest waiting job came due; 0 where none is."""
        age = {"$divide": [{"$subtract": ["$$NOW", "$due_at"]}, 1000]}
        pipeline = [
            *_FIRST_OF_EACH,
            {"$group": {"_id": None, "due_at": {"$min": "$due_at"}}},
            {"$project": {"age": age}},
        ]
        found = await self._jobs.aggregate(pipeline).to_list(None)
        return max(0.0, float(found[0]["age"])) if found else 0.0

    def _ending(self, end: JobEnd) -> UpdateOne:
        changed: dict[str, Any] = {"state": str(end.state)}
        if end.attempt is not None:
            changed["attempt"] = end.attempt.attempt
        if end.state is JobState.WAITING:
            changed["due_at"] = end.next_at
        else:
            changed |= self._ended(end.at)
        return UpdateOne(
            {"_id": end.job.id, "lease.token": end.job.token},
            {"$set": changed, "$unset": {"lease": "", "recovered": ""}},
        )

    def _ended(self, at: datetime) -> dict[str, datetime]:
        return {"finished_at": at, "purge_at": at + self._kept}


def _document(job: Job, leased_until: datetime) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": job.id,
        "workspace_id": job.workspace_id,
        "endpoint_id": job.endpoint_id,
        "message_id": job.message_id,
        "event_id": job.event_id,
        "event_type": job.event_type,
        "address": job.address_hmac,
        "body": Binary(job.body),
        "created_at": job.created_at,
        "due_at": job.due_at,
        "attempt": job.attempt,
        "earlier": job.earlier,
        "trace": job.trace,
        "state": WAITING,
    }
    if job.backfill is not None:
        document["backfill"] = job.backfill
    if job.occurred_at is not None:
        document["occurred_at"] = job.occurred_at
    if job.token is not None:
        document["lease"] = {"token": job.token, "until": leased_until}
    return document


def _job(document: Mapping[str, Any]) -> Job:
    return Job(
        id=document["_id"],
        workspace_id=document["workspace_id"],
        endpoint_id=document["endpoint_id"],
        message_id=document["message_id"],
        event_id=document["event_id"],
        event_type=document["event_type"],
        address_hmac=document["address"],
        body=bytes(document["body"]),
        created_at=document["created_at"],
        due_at=document["due_at"],
        attempt=document["attempt"],
        earlier=document["earlier"],
        trace=document["trace"],
        backfill=document.get("backfill"),
        token=document["lease"]["token"],
        occurred_at=document.get("occurred_at"),
    )
