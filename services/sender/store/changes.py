"""The `suppression_changes` collection: what changed while messages were on their way, kept for eight days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, ReplaceOne, UpdateMany

from services.sender.store.deliveries import Deliveries
from shared.contracts.suppressions import SuppressionChange

COLLECTION = "suppression_changes"
INDEXES = {COLLECTION: (IndexModel("address"), IndexModel("purge_at", expireAfterSeconds=0))}

CONCERNS = ("workspace_id", "sending_domain", "stream")
CLOCKS_APART = timedelta(seconds=60)


class Changes:
    """Stores changes and flags the deliveries that were checked before them."""

    def __init__(self, database: AsyncIOMotorDatabase, deliveries: Deliveries, kept: timedelta) -> None:
        self._collection = database[COLLECTION]
        self._deliveries = deliveries.collection
        self._kept = kept

    async def store(self, changes: Sequence[SuppressionChange]) -> None:
        """Keeps the changes, then flags what waits for those addresses: a flagged delivery is checked anew."""
        await self._collection.bulk_write(
            [
                ReplaceOne(
                    {"_id": change.change_id},
                    {
                        "address": change.address_hmac,
                        **_concerned(change),
                        "change": change.change,
                        "occurred_at": change.occurred_at,
                        "purge_at": change.occurred_at + self._kept,
                    },
                    upsert=True,
                )
                for change in changes
            ],
            ordered=False,
        )
        added = [change for change in changes if change.change == "added"]
        await self._flag([(change.address_hmac, _concerned(change), change.occurred_at) for change in added])

    async def flag_arrivals(self, arrivals: Mapping[str, str]) -> set[str]:
        """Looks up changes for what has just been inserted (id to address); returns the ids that are flagged now."""
        addresses = list(set(arrivals.values()))
        found = await self._collection.find({"address": {"$in": addresses}, "change": "added"}).to_list(None)
        if not found:
            return set()
        await self._flag([(each["address"], _concerns(each), each["occurred_at"]) for each in found])
        flagged = self._deliveries.find({"_id": {"$in": list(arrivals)}, "flagged": True}, {"_id": 1})
        return {document["_id"] async for document in flagged}

    async def _flag(self, concerned: Sequence[tuple[str, Mapping[str, str], datetime]]) -> None:
        """In one call: open deliveries of an address that a change concerns (by these fields) and that were checked
        before it, each once for a change.

        `rechecked` keeps the change that a delivery was flagged for. The check that follows knows that change, whatever
        the clocks say: it was written before it was published. A check in the moments before a change can be seen, or
        on a host whose clock is ahead, looks newer than the change: hence the allowance.
        """
        if not concerned:
            return
        await self._deliveries.bulk_write(
            [
                UpdateMany(
                    {
                        "address": address,
                        "checked_at": {"$lt": occurred_at + CLOCKS_APART},
                        "rechecked": {"$not": {"$gte": occurred_at}},
                        "state": {"$in": ["waiting", "leased"]},
                        **concerns,
                    },
                    {"$set": {"flagged": True}, "$max": {"rechecked": occurred_at}},
                )
                for address, concerns, occurred_at in concerned
            ],
            ordered=False,
        )


def _concerned(change: SuppressionChange) -> dict[str, str]:
    """The fields that a delivery has in the change's scope."""
    fields = (change.workspace_id, change.domain, change.stream)
    return {name: value for name, value in zip(CONCERNS, fields, strict=True) if value is not None}


def _concerns(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: document[name] for name in CONCERNS if document.get(name) is not None}
