"""The webhooks about one person's messages, found by the HMAC of the address, in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bson import Binary
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne

from services.webhooks.store.attempts import ATTEMPTS
from services.webhooks.store.jobs import JOBS
from shared.mongo.erasures import Erasure

BATCH = 500
ADDRESS = {JOBS: "address", ATTEMPTS: "address_hmac"}
INDEXES = {
    name: (IndexModel([(field, 1), ("_id", 1)], partialFilterExpression={field: {"$exists": True}}),)
    for name, field in ADDRESS.items()
}

Document = dict[str, Any]


class Persons:
    """Redacts jobs and attempts of erased people, and shows those of one person."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._jobs = database[JOBS]
        self._attempts = database[ATTEMPTS]

    async def redact_jobs(self, erasure: Erasure, redact: Callable[[bytes], bytes]) -> int:
        """Redacts the bodies of the next jobs that hold the person still; how many there were."""
        condition = {"address": erasure.address_hmac, **_not_done(erasure)}
        found = await self._jobs.find(condition, {"body": 1}).limit(BATCH).to_list(None)
        writes = [
            UpdateOne({"_id": each["_id"]}, {"$set": {"body": Binary(redact(bytes(each["body"]))), "erased": True}})
            for each in found
        ]
        if writes:
            await self._jobs.bulk_write(writes, ordered=False)
        return len(found)

    async def redact_attempts(self, erasure: Erasure) -> int:
        """Takes away what endpoints said at the next attempts, which may quote what they were sent; how many there
        were."""
        condition = {"address_hmac": erasure.address_hmac, **_not_done(erasure)}
        found = await self._attempts.find(condition, {"_id": 1}).limit(BATCH).to_list(None)
        if found:
            ids = {"_id": {"$in": [each["_id"] for each in found]}}
            await self._attempts.update_many(ids, {"$set": {"excerpt": "", "erased": True}})
        return len(found)

    async def counts(self, erasure: Erasure) -> Mapping[str, int]:
        done = {**erasure.place, "erased": True}
        return {
            "webhooks": await self._jobs.count_documents({"address": erasure.address_hmac, **done}),
            "attempts": await self._attempts.count_documents({"address_hmac": erasure.address_hmac, **done}),
        }

    async def page(self, workspace_id: str, digest: str, before: str | None, limit: int) -> list[Document]:
        """A workspace's jobs about one person's messages, with their attempts."""
        condition: Document = {"workspace_id": workspace_id, "address": digest}
        if before is not None:
            condition["_id"] = {"$lt": before}
        found: list[Document] = await self._jobs.find(condition).sort("_id", -1).limit(limit).to_list(None)
        events = {each["event_id"] for each in found}
        made: dict[tuple[str, str], list[Document]] = {}
        of_them = {"address_hmac": digest, "workspace_id": workspace_id, "event_id": {"$in": list(events)}}
        async for one in self._attempts.find(of_them).sort("_id", 1):
            made.setdefault((one["event_id"], one["endpoint_id"]), []).append(one)
        return [{**each, "attempts": made.get((each["event_id"], each["endpoint_id"]), [])} for each in found]


def _not_done(erasure: Erasure) -> Document:
    return {"message_id": {"$lt": erasure.before}, "erased": {"$ne": True}, **erasure.place}
