"""The replays and back-fills: what was asked for, how far it has come, and the lease of whoever works on it.

One is `open` until its end. `position` is where its walk is, `batch` what it is doing now (`ids`, and the position
`behind` them): after a kill the same is done again, and counted once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.webhooks.store.jobs import KEPT_DAYS
from services.webhooks.tasks.task import Task, TaskKind
from shared.mongo.due import from_now, new_token

TASKS = "tasks"
OPEN = {"open": True}
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    TASKS: (
        IndexModel([("kind", 1), ("due_at", 1)], partialFilterExpression=OPEN),
        IndexModel([("endpoint_id", 1), ("kind", 1)], unique=True, partialFilterExpression=OPEN),
        IndexModel([("workspace_id", 1), ("endpoint_id", 1), ("kind", 1), ("_id", -1)]),
        IndexModel("purge_at", expireAfterSeconds=0, sparse=True),
    ),
}


class AlreadyOpenError(Exception):
    """The endpoint has an open task of the kind; `id` is its."""

    def __init__(self, id_: str) -> None:
        super().__init__(id_)
        self.id = id_


class Tasks:
    """Adds, claims and reads tasks. `lease_seconds` is how long one is safe from others between two steps."""

    def __init__(self, database: AsyncIOMotorDatabase, lease_seconds: float, kept_days: float = KEPT_DAYS) -> None:
        self._collection = database[TASKS]
        self._lease_seconds = lease_seconds
        self._kept = timedelta(days=kept_days)

    async def add(self, task: Task) -> dict[str, Any]:
        """Adds a task that has not begun. Raises AlreadyOpenError."""
        document = {
            **task.as_document(), "open": True, "due_at": task.created_at, "queued": 0, "read": 0, "position": None
        }  # fmt: skip
        try:
            await self._collection.insert_one(dict(document))
        except DuplicateKeyError as error:
            other = await self._collection.find_one({**OPEN, "endpoint_id": task.endpoint_id, "kind": str(task.kind)})
            raise AlreadyOpenError(other["_id"] if other else "") from error
        return document

    async def get(self, workspace_id: str, endpoint_id: str, kind: TaskKind, id_: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await self._collection.find_one(
            {"_id": id_, **_of(workspace_id, endpoint_id, kind)}
        )
        return found

    async def page(
        self, workspace_id: str, endpoint_id: str, kind: TaskKind, before: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """An endpoint's tasks of a kind, newest first."""
        query = _of(workspace_id, endpoint_id, kind) | ({"_id": {"$lt": before}} if before is not None else {})
        found: list[dict[str, Any]] = await self._collection.find(query).sort("_id", -1).limit(limit).to_list(None)
        return found

    async def cancel(self, workspace_id: str, endpoint_id: str, kind: TaskKind, id_: str) -> dict[str, Any] | None:
        """Ends a task at its caller's word; None where there is no open one."""
        canceled: dict[str, Any] | None = await self._collection.find_one_and_update(
            {"_id": id_, **OPEN, **_of(workspace_id, endpoint_id, kind)},
            self._ending("asked"),
            return_document=ReturnDocument.AFTER,
        )
        return canceled

    async def claim(self, kind: TaskKind) -> Task | None:
        """Takes the open task that nobody works on and whose turn has come first."""
        free = {"$or": [{"lease": {"$exists": False}}, {"$expr": {"$lt": ["$lease.until", "$$NOW"]}}]}
        lease = {"token": new_token(), "until": from_now(self._lease_seconds)}
        taken = await self._collection.find_one_and_update(
            {**OPEN, "kind": str(kind), **free, "$and": [{"$expr": {"$lte": ["$due_at", "$$NOW"]}}]},
            [{"$set": {"lease": lease}}],
            sort=[("due_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return Task.of(taken) if taken else None

    async def begin(self, task: Task, batch: Mapping[str, Any]) -> bool:
        """Writes what is about to be done; False where the task is somebody else's by now, or has ended."""
        return await self._write(task, [{"$set": {"batch": {"$literal": batch}, **self._renewed()}}])

    async def go_on(
        self, task: Task, position: Any, *, queued: int = 0, read: int = 0, left: Sequence[str] = ()
    ) -> bool:
        """Writes where the task is and what it came to on the way there; False as for `begin`. `left` are ids of what
        was begun before a kill and has not come again yet."""
        counted = {"queued": {"$add": ["$queued", queued]}, "read": {"$add": ["$read", read]}}
        place = {"position": {"$literal": position}, **counted, **self._renewed()}
        batch = {"$set": {"batch": {"$literal": {"ids": list(left)}}}} if left else {"$unset": "batch"}
        return await self._write(task, [{"$set": place}, batch])

    async def renew(self, task: Task) -> bool:
        """False as for `begin`."""
        return await self._write(task, [{"$set": self._renewed()}])

    async def let_go(self, task: Task, seconds: float) -> None:
        """Gives a task back; its next turn comes in so many seconds, behind those that wait."""
        await self._write(task, [{"$set": {"due_at": from_now(seconds)}}, {"$unset": "lease"}])

    async def end(self, task: Task, reason: str | None = None) -> None:
        """Ends a task: done, or canceled for a reason."""
        await self._write(task, self._ending(reason))

    def _renewed(self) -> dict[str, Any]:
        return {"lease.until": from_now(self._lease_seconds)}

    def _ending(self, reason: str | None) -> list[dict[str, Any]]:
        kept = from_now(self._kept.total_seconds())
        ended = {"ended_at": "$$NOW", "purge_at": kept, "reason": {"$literal": reason}}
        return [{"$set": ended}, {"$unset": ["open", "lease", "batch", "due_at"]}]

    async def _write(self, task: Task, update: list[dict[str, Any]]) -> bool:
        condition = {"_id": task.id, "lease.token": task.token}
        return bool((await self._collection.update_one(condition, update)).matched_count)


def _of(workspace_id: str, endpoint_id: str, kind: TaskKind) -> dict[str, Any]:
    return {"workspace_id": workspace_id, "endpoint_id": endpoint_id, "kind": str(kind)}
