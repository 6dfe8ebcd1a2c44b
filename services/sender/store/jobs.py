"""The `jobs` collection: what was asked to be done with what waits, by whom, and how far that has come.

It is the sender's audit log: a job is written before anything is changed, says who asked for what and how many messages
that changed, and is kept for `audit_days`. `open` is there until its end; `position` is where its walk is, `batch` what
it is doing now (`ids`, and the position `behind` them), `lease` whose it is. A delivery that it changed carries its id
as `job`, so that what is done again after a kill is counted once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, ReturnDocument

from shared.mongo.due import from_now, new_token

COLLECTION = "jobs"
OPEN = {"open": True}
MOST_LEFT = 100
INDEXES = {
    COLLECTION: (
        IndexModel([("open", 1), ("_id", 1)], partialFilterExpression=OPEN),
        IndexModel([("workspace_id", 1), ("_id", -1)]),
        IndexModel("purge_at", expireAfterSeconds=0, sparse=True),
    )
}


class Jobs:
    """Adds, claims and reads jobs. `lease_seconds` is how long one is safe from others between two steps."""

    def __init__(self, database: AsyncIOMotorDatabase, lease_seconds: float) -> None:
        self._collection = database[COLLECTION]
        self._lease_seconds = lease_seconds

    async def add(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Adds a job that has not begun, and returns it."""
        job = {**document, "open": True, "changed": 0, "refused": {}}
        await self._collection.insert_one(dict(job))
        return job

    async def get(self, owner: str | None, id_: str) -> dict[str, Any] | None:
        """One job of a workspace, or for the operator (None) of anybody."""
        found: dict[str, Any] | None = await self._collection.find_one({"_id": id_, **_of(owner)})
        return found

    async def page(self, owner: str | None, before: str | None, limit: int) -> list[dict[str, Any]]:
        """Newest first."""
        condition = {**_of(owner), **({"_id": {"$lt": before}} if before else {})}
        found: list[dict[str, Any]] = await self._collection.find(condition).sort("_id", -1).limit(limit).to_list(None)
        return found

    async def claim(self) -> dict[str, Any] | None:
        """Takes an open job that nobody works on."""
        free = {"$or": [{"lease": {"$exists": False}}, {"$expr": {"$lt": ["$lease.until", "$$NOW"]}}]}
        lease = {"token": new_token(), "until": from_now(self._lease_seconds)}
        taken: dict[str, Any] | None = await self._collection.find_one_and_update(
            {**OPEN, **free}, [{"$set": {"lease": lease}}], sort=[("_id", 1)], return_document=ReturnDocument.AFTER
        )
        return taken

    async def begin(self, job: Mapping[str, Any], ids: Sequence[str], behind: Sequence[Any] | None) -> bool:
        """Writes what is about to be done; False where the job is somebody else's by now."""
        batch = {"ids": list(ids), "behind": behind}
        fields = {"batch": {"$literal": batch}, "lease.until": from_now(self._lease_seconds)}
        return await self._write(job, [{"$set": fields}])

    async def go_on(
        self, job: Mapping[str, Any], position: Sequence[Any] | None, changed: int, refused: Mapping[str, int]
    ) -> bool:
        """Writes what a batch came to and renews the lease; False where the job is somebody else's by now."""
        place = {"position": {"$literal": position}, "lease.until": from_now(self._lease_seconds)}
        return await self._write(job, [{"$set": _counted(changed, refused) | place}, {"$unset": "batch"}])

    async def end(
        self, job: Mapping[str, Any], changed: int, refused: Mapping[str, int], now: datetime, kept: timedelta
    ) -> bool:
        """Writes what the last batch came to: the job is done."""
        fields = {**_counted(changed, refused), "ended_at": "$$NOW", "purge_at": now + kept}
        return await self._write(job, [{"$set": fields}, {"$unset": ["open", "lease", "position", "batch"]}])

    async def let_go(self, job: Mapping[str, Any]) -> None:
        """Gives a job back: another process goes on with it."""
        await self._write(job, [{"$unset": "lease"}])

    async def note(self, job: Mapping[str, Any], refused: Sequence[Mapping[str, str]]) -> None:
        """Keeps which messages were left as they were, as many of them as a job shows."""
        left = {"$each": list(refused), "$slice": MOST_LEFT}
        await self._collection.update_one({"_id": job["_id"]}, {"$push": {"left": left}})

    async def lifting(self) -> set[str]:
        """The holds that open jobs are lifting."""
        query = self._collection.find({**OPEN, "action": "release"}, {"options.holds": 1})
        return {hold async for job in query for hold in job["options"]["holds"]}

    async def _write(self, job: Mapping[str, Any], update: list[dict[str, Any]]) -> bool:
        condition = {"_id": job["_id"], "lease.token": job["lease"]["token"]}
        return bool((await self._collection.update_one(condition, update)).matched_count)


def _of(owner: str | None) -> dict[str, Any]:
    return {} if owner is None else {"workspace_id": owner}


def _counted(changed: int, refused: Mapping[str, int]) -> dict[str, Any]:
    more = {
        f"refused.{reason}": {"$add": [{"$ifNull": [f"$refused.{reason}", 0]}, number]}
        for reason, number in refused.items()
    }
    return {"changed": {"$add": ["$changed", changed]}, **more}
