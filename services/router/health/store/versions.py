"""Documents that are changed by compare-and-set: each is written over the version that it was made from, or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from shared.mongo.due import new_token
from shared.mongo.group_commit import DUPLICATE_KEY


async def replace_versions(collection: AsyncIOMotorCollection, documents: Sequence[Mapping[str, Any]]) -> set[Any]:
    """Writes each document where the one that is there has the `version` before its own, a first one where there is
    none; returns the ids of those that were written. One write, and a query where a race was lost.

    Raises BulkWriteError where the outcome is unknown.
    """
    if not documents:
        return set()
    token = new_token()
    writes = [
        ReplaceOne(
            {"_id": document["_id"], "version": document["version"] - 1},
            {**document, "token": token},
            upsert=document["version"] == 1,
        )
        for document in documents
    ]
    ids = [document["_id"] for document in documents]
    try:
        result = await collection.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        details = error.details or {}
        failures = details.get("writeErrors", [])
        if details.get("writeConcernErrors") or any(failure["code"] != DUPLICATE_KEY for failure in failures):
            raise
    else:
        if result.matched_count + result.upserted_count == len(writes):
            return set(ids)
    return set(await collection.distinct("_id", {"_id": {"$in": ids}, "token": token}))
