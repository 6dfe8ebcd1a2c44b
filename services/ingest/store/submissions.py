"""Submissions: one document per accepted request, the atomic unit of acceptance; and the contents it points at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from shared.content import COLLECTION as CONTENTS
from shared.mongo.group_commit import GroupCommit, Insert, Inserted, insert_group

COLLECTION = "submissions"
KEY_PATTERN = {"workspace_id": 1, "key": 1}

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel(list(KEY_PATTERN.items()), unique=True, partialFilterExpression={"key": {"$exists": True}}),
    ),
}


class Submissions:
    """Writes contents and submissions in groups over concurrent requests, and finds who holds an idempotency key."""

    def __init__(self, database: AsyncIOMotorDatabase, content_database: AsyncIOMotorDatabase) -> None:
        self._submissions = database[COLLECTION]
        self._contents = content_database[CONTENTS]
        self._content_group: GroupCommit[Mapping[str, Any], Inserted] = GroupCommit(
            CONTENTS, lambda documents: insert_group(self._contents, documents)
        )
        self._submission_group: GroupCommit[Mapping[str, Any], Inserted] = GroupCommit(
            COLLECTION, lambda documents: insert_group(self._submissions, documents)
        )

    async def add_content(self, document: Mapping[str, Any]) -> Insert:
        return (await self._content_group.submit(document)).result

    async def add(self, document: Mapping[str, Any]) -> Inserted:
        """Inserts one submission; EXISTS names the index that it broke on."""
        return await self._submission_group.submit(document)

    async def key_holder(self, workspace_id: str, key: str) -> Mapping[str, Any] | None:
        """The majority-written submission that holds the key, with what a replay needs."""
        fields = {"key_until": 1, "digest": 1, "reply": 1}
        found: Mapping[str, Any] | None = await self._submissions.find_one(
            {"workspace_id": workspace_id, "key": key}, fields
        )
        return found

    async def release_key(self, holder: Mapping[str, Any], key: str) -> None:
        """Takes an ended key from its submission, unless it has changed hands since it was read."""
        await self._submissions.update_one(
            {"_id": holder["_id"], "key": key, "key_until": holder["key_until"]},
            {"$unset": {"key": "", "key_until": "", "digest": "", "reply": ""}},
        )

    async def drain(self) -> None:
        await self._content_group.drain()
        await self._submission_group.drain()
