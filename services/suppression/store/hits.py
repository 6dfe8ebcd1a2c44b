"""The `hits` collection: messages that were stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from shared.mongo.group_commit import insert_group

COLLECTION = "hits"
INDEXES = {COLLECTION: (IndexModel("expires_at", expireAfterSeconds=0),)}


class Hits:
    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._hits = database[COLLECTION]

    async def record(self, hits: Sequence[Mapping[str, Any]]) -> None:
        """Notes messages that were stopped; what is noted already stays."""
        await insert_group(self._hits, hits)
