"""The audit log: entries are added and expire, nothing changes them.

An entry is written with its change, in the same document, so that there is none without the other whatever dies in
between; from there it is copied into the log under its own id, and then taken out of the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne
from pymongo.errors import PyMongoError

from shared.contracts.entities import Kind

COLLECTION = "audit"
KINDS = (
    Kind.WORKSPACE, Kind.API_KEY, Kind.SMTP_CREDENTIAL, Kind.DOMAIN, Kind.SENDER, Kind.TEMPLATE, Kind.FIELD,
)  # fmt: skip
READ_MS = 5_000
log = structlog.get_logger(__name__)

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel([("workspace_id", 1), ("_id", -1)]),
        IndexModel([("workspace_id", 1), ("object.id", 1), ("_id", -1)]),
        IndexModel([("workspace_id", 1), ("actor.id", 1), ("_id", -1)]),
        IndexModel("expires_at", expireAfterSeconds=0),
    ),
}


class AuditLog:
    """Takes entries out of the documents that they were written with, and reads them by workspace."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._database = database
        self._entries = database[COLLECTION]

    async def take(self, kind: Kind, documents: Sequence[Mapping[str, Any]]) -> None:
        """Copies the documents' entries into the log, then takes them out; twice does no harm."""
        entries = [entry for document in documents for entry in document.get("audit", ())]
        if not entries:
            return
        await self._entries.bulk_write(
            [UpdateOne({"_id": entry["_id"]}, {"$setOnInsert": entry}, upsert=True) for entry in entries], ordered=False
        )
        taken = {"$pull": {"audit": {"_id": {"$in": [entry["_id"] for entry in entries]}}}}
        ids = [document["_id"] for document in documents]
        await self._database[kind].update_many({"_id": {"$in": ids}}, taken)

    async def take_now(self, kind: Kind, document: Mapping[str, Any]) -> None:
        """Takes the entries of a document that was just written; what fails is left to the sweep."""
        try:
            await self.take(kind, [document])
        except PyMongoError as error:
            log.warning("an audit entry is left to the sweep", kind=kind, error=type(error).__name__)

    async def sweep(self, older_than: float = 10.0, limit: int = 500) -> int:
        """Takes what stayed in its document for `older_than` seconds; returns how many documents there were."""
        before = datetime.now(UTC) - timedelta(seconds=older_than)
        count = 0
        for kind in KINDS:
            query = self._database[kind].find({"audit.at": {"$lt": before}}, {"audit": 1}).limit(limit)
            stayed = await query.to_list(None)
            await self.take(kind, stayed)
            count += len(stayed)
        return count

    async def page(self, workspace_id: str, conditions: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        """The newest entries of a workspace that meet the conditions."""
        query = self._entries.find({**conditions, "workspace_id": workspace_id})
        found: list[dict[str, Any]] = await query.sort("_id", -1).limit(limit).max_time_ms(READ_MS).to_list(None)
        return found
