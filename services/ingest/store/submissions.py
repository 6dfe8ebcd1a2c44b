"""Submissions: one document per accepted request, the atomic unit of acceptance; and the contents it points at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from shared.content import COLLECTION as CONTENTS
from shared.mongo.group_commit import GroupCommit, Insert, Inserted, insert_group

COLLECTION = "submissions"
KEY_PATTERN = {"workspace_id": 1, "key": 1}
NUMBER_PATTERN = {"number": 1}
# A write to a majority takes longer; half the load is answered in half the time, and a full one costs a tenth less.
LINGER = 0.003
HOLDER = ("workspace_id", "key", "key_until", "door", "digest", "reply")

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel(list(KEY_PATTERN.items()), unique=True, partialFilterExpression={"key": {"$exists": True}}),
        IndexModel(list(NUMBER_PATTERN.items()), unique=True, partialFilterExpression={"number": {"$exists": True}}),
    ),
}


class Submissions:
    """Writes contents and submissions in groups over concurrent requests, and finds who holds an idempotency key."""

    def __init__(self, database: AsyncIOMotorDatabase, content_database: AsyncIOMotorDatabase) -> None:
        self._submissions = database[COLLECTION]
        self._contents = content_database[CONTENTS]
        self._content_group: GroupCommit[Mapping[str, Any], Inserted] = GroupCommit(
            CONTENTS, lambda documents: insert_group(self._contents, documents), linger=LINGER
        )
        self._submission_group: GroupCommit[Mapping[str, Any], Inserted] = GroupCommit(
            COLLECTION, lambda documents: insert_group(self._submissions, documents), linger=LINGER
        )
        self._key_group: GroupCommit[tuple[str, str], Mapping[str, Any] | None] = GroupCommit(
            "idempotency_keys", self._holders
        )

    async def add_content(self, document: Mapping[str, Any]) -> Insert:
        return (await self._content_group.submit(document)).result

    async def add(self, document: Mapping[str, Any]) -> Inserted:
        """Inserts one submission; EXISTS names the index that it broke on."""
        return await self._submission_group.submit(document)

    async def key_holder(self, workspace_id: str, key: str) -> Mapping[str, Any] | None:
        """The majority-written submission that holds the key, with what a replay needs."""
        return await self._key_group.submit((workspace_id, key))

    async def _holders(self, wanted: Sequence[tuple[str, str]]) -> list[Mapping[str, Any] | None]:
        """The holders of (workspace, key) pairs, in one query."""
        keys: dict[str, set[str]] = {}
        for workspace_id, key in wanted:
            keys.setdefault(workspace_id, set()).add(key)
        either = [{"workspace_id": workspace_id, "key": {"$in": list(each)}} for workspace_id, each in keys.items()]
        query = self._submissions.find({"$or": either}, dict.fromkeys(HOLDER, 1))
        found = {(document["workspace_id"], document["key"]): document async for document in query}
        return [found.get(each) for each in wanted]

    async def keep_content(self, content_id: str, until: datetime) -> bool:
        """Has a content live until then at least; False where it is gone."""
        kept = await self._contents.update_one({"_id": content_id}, {"$max": {"expires_at": until}})
        return bool(kept.matched_count)

    async def release_key(self, holder: Mapping[str, Any], key: str) -> None:
        """Takes an ended key from its submission, unless it has changed hands since it was read."""
        await self._submissions.update_one(
            {"_id": holder["_id"], "key": key, "key_until": holder["key_until"]},
            {"$unset": {"key": "", "key_until": "", "digest": "", "reply": ""}},
        )

    async def drain(self) -> None:
        await self._content_group.drain()
        await self._submission_group.drain()
