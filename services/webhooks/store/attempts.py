"""The attempts, each with its record until that is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.webhooks.store.jobs import KEPT_DAYS, JobEnd
from shared.contracts.webhooks import WebhookAttempt
from shared.mongo import outbox
from shared.mongo.group_commit import insert_group

ATTEMPTS = "attempts"

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    ATTEMPTS: (
        IndexModel([("workspace_id", 1), ("endpoint_id", 1), ("_id", -1), ("state", 1), ("event_type", 1)]),
        IndexModel([("delivery_id", 1), ("_id", -1)]),
        IndexModel("purge_at", expireAfterSeconds=0),
        outbox.INDEX,
    ),
}


class Attempts:
    """The attempts, each kept for `kept_days`, with its record until that is published.

    A collection of their own, not an array in the job: they are listed newest first over all jobs of an endpoint, in
    pages; each record has its own mark, so a later attempt of the same job never hides one that is unpublished; and
    jobs stay small while they are claimed and updated. An attempt is kept before its job is changed: a process that
    dies in between posts again, and both posts are on record.
    """

    def __init__(self, database: AsyncIOMotorDatabase, kept_days: float = KEPT_DAYS) -> None:
        self.collection = database[ATTEMPTS]
        self._kept = timedelta(days=kept_days)

    async def keep(self, ends: Sequence[JobEnd]) -> list[dict[str, Any]]:
        """Keeps the attempts in one write, safe to repeat; returns their documents, those of messages unpublished."""
        documents = [self._document(end, end.attempt) for end in ends if end.attempt is not None]
        if documents:
            await insert_group(self.collection, documents)
        return documents

    async def find(
        self, workspace_id: str, endpoint_id: str, condition: Mapping[str, Any], before: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """An endpoint's attempts, newest first."""
        query = {**condition, "workspace_id": workspace_id, "endpoint_id": endpoint_id}
        if before is not None:
            query["_id"] = {"$lt": before}
        found: list[dict[str, Any]] = await self.collection.find(query).sort("_id", -1).limit(limit).to_list(None)
        return found

    async def of_delivery(self, workspace_id: str, delivery_id: str, limit: int) -> list[dict[str, Any]]:
        """The newest attempts of one delivery, newest first."""
        query = {"workspace_id": workspace_id, "delivery_id": delivery_id}
        found: list[dict[str, Any]] = await self.collection.find(query).sort("_id", -1).limit(limit).to_list(None)
        return found

    async def newest(self, workspace_id: str, endpoint_id: str, limit: int) -> list[dict[str, Any]]:
        """What came of an endpoint's newest attempts, newest first, without what it answered."""
        query = {"workspace_id": workspace_id, "endpoint_id": endpoint_id}
        shown = {"_id": 0, "ok": 1, "ms": 1, "status": 1, "error": 1, "occurred_at": 1}
        found: list[dict[str, Any]] = (
            await self.collection.find(query, shown).sort("_id", -1).limit(limit).to_list(None)
        )
        return found

    async def last_of_each(self, workspace_id: str, delivery_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The newest attempt of each of the deliveries that has any, without what was answered."""
        pipeline: list[dict[str, Any]] = [
            {"$match": {"delivery_id": {"$in": list(delivery_ids)}, "workspace_id": workspace_id}},
            {"$sort": {"delivery_id": 1, "_id": -1}},
            {"$group": {"_id": "$delivery_id", **{name: {"$first": f"${name}"} for name in ("status", "error", "ms")}}},
        ]
        return {row.pop("_id"): row async for row in self.collection.aggregate(pipeline)}

    def _document(self, end: JobEnd, attempt: WebhookAttempt) -> dict[str, Any]:
        document = attempt.model_dump()
        document["_id"] = document.pop("attempt_id")
        document |= {"delivery_id": end.job.id, "state": str(end.state), "purge_at": attempt.occurred_at + self._kept}
        # what `webhook.events` tells is told of a message, whose key it has
        return document | ({"unpublished": outbox.unpublished()} if attempt.message_id else {})
