"""The `imports` collection: how far the files have come that were sent by the console, and what they came to.

`{_id, workspace_id, token, by, state, began_at, at, size, read, rows, added, replaced, unchanged, faulty, faults,
problem, expires_at}`: `size` and `read` in bytes; numbers and codes, and of nobody the address. `token` is that of the
run that writes: a file that is sent again under the same id begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from shared.errors import not_found
from shared.mongo.due import from_now, new_token

COLLECTION = "imports"
KEPT_SECONDS = 86_400
INDEXES = {COLLECTION: (IndexModel("expires_at", expireAfterSeconds=0),)}


class ImportState(StrEnum):
    """`failed` is one that ended early: what was imported before stays."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Imports:
    """Written by the process that reads the file, read by whichever shows it."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._imports = database[COLLECTION]

    async def begin(self, workspace_id: str, id_: str, by: str | None, size: int | None) -> str:
        """Notes a file that begins to come in; the token of its run. Raises a 404 problem for another's id."""
        token = new_token()
        fields = {"token": token, "by": by, "state": ImportState.RUNNING, "size": size, "read": 0}
        times = {"began_at": "$$NOW", "at": "$$NOW", "expires_at": from_now(KEPT_SECONDS)}
        kept = {"_id": id_, "workspace_id": workspace_id}
        begun = {name: {"$literal": value} for name, value in {**kept, **fields}.items()}
        try:
            await self._imports.update_one(kept, [{"$replaceWith": {**begun, **times}}], upsert=True)
        except DuplicateKeyError as error:
            raise not_found("import") from error
        return token

    async def note(self, id_: str, token: str, read: int, summary: Mapping[str, Any]) -> None:
        """How far it has come: so many bytes, and what these came to."""
        await self._set(id_, token, {"read": read, **summary})

    async def end(self, id_: str, token: str, problem: str | None = None) -> None:
        """Ends a run; `problem` says in words why it was early."""
        state = ImportState.DONE if problem is None else ImportState.FAILED
        await self._set(id_, token, {"state": state, "problem": problem})

    async def get(self, workspace_id: str, id_: str) -> dict[str, Any] | None:
        """What is known of it, with `quiet` for how many seconds nothing was noted."""
        mine = {"_id": id_, "workspace_id": workspace_id}
        quiet = {"$divide": [{"$subtract": ["$$NOW", "$at"]}, 1000]}
        found: list[dict[str, Any]] = await self._imports.aggregate(
            [{"$match": mine}, {"$set": {"quiet": quiet}}]
        ).to_list(1)
        return found[0] if found else None

    async def _set(self, id_: str, token: str, fields: Mapping[str, Any]) -> None:
        literal = {name: {"$literal": value} for name, value in fields.items()}
        await self._imports.update_one({"_id": id_, "token": token}, [{"$set": {**literal, "at": "$$NOW"}}])
