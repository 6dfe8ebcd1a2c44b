"""What the sender holds of a person, found by the HMAC of the address, in batches; and what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import UpdateOne

from services.sender.store.deliveries import COLLECTION as DELIVERIES
from services.sender.store.holds import COLLECTION as HOLDS
from services.sender.store.jobs import COLLECTION as JOBS
from services.sender.store.returns import COLLECTION as RETURNS
from shared.mongo.erasures import Erasure

BATCH = 500
GONE = ("record", "answers_to", "last")
CANCELED = "erasure_canceled"  # of those that an erasure ended
FIELDS = ("workspace_id", "state", "record", "last_event", "commanded", "erased", CANCELED)

Document = dict[str, Any]


class Persons:
    """Reads and redacts deliveries and returns of erased people."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._deliveries = database[DELIVERIES]
        self._returns = database[RETURNS]
        self._words = ((database[HOLDS], "reason"), (database[JOBS], "options.reason"))

    async def batch(self, erasure: Erasure, after: str) -> list[Document]:
        """The person's next deliveries that are older than the erasure, behind the id `after`."""
        ids = {"$gt": after, "$lt": erasure.before}
        query = self._deliveries.find({**_of(erasure), "_id": ids}, dict.fromkeys(FIELDS, 1))
        found: list[Document] = await query.sort("_id", 1).limit(BATCH).to_list(None)
        return found

    async def redact(self, documents: Sequence[Mapping[str, Any]], changes: Mapping[str, Document]) -> None:
        """Applies the changes, by id, to ended deliveries, each only where nothing else was said meanwhile."""
        writes = []
        for document in documents:
            said = document.get("last_event")
            condition = {"_id": document["_id"], "state": "ended", **({"last_event": said} if said else {})}
            update = {"$set": changes[document["_id"]], "$unset": dict.fromkeys(GONE, "")}
            writes.append(UpdateOne(condition, update))
        if writes:
            await self._deliveries.bulk_write(writes, ordered=False)

    async def returns(self, message_ids: Sequence[str]) -> list[Document]:
        """What came back of these messages; what is redacted without its event."""
        event = {"$cond": ["$erased", "$$REMOVE", "$event"]}
        query = self._returns.find({"message_id": {"$in": list(message_ids)}}, {"event": event})
        found: list[Document] = await query.to_list(None)
        return found

    async def redact_returns(self, events: Mapping[str, bytes]) -> None:
        """Writes the redacted events, by the ids of the returns."""
        writes = [UpdateOne({"_id": id_}, {"$set": {"event": event, "erased": True}}) for id_, event in events.items()]
        if writes:
            await self._returns.bulk_write(writes, ordered=False)

    async def reword(self, erasure: Erasure, reword: Callable[[str], str]) -> None:
        """Rewrites the reasons that somebody gave for holds and jobs where they name the address.

        There are few: they are looked through, each of them.
        """
        for collection, field in self._words:
            writes = []
            async for each in collection.find(dict(erasure.place), {field: 1}):
                said = reduce(lambda part, name: part.get(name, {}), field.split("."), each)
                if said and (reworded := reword(said)) != said:
                    writes.append(UpdateOne({"_id": each["_id"], field: said}, {"$set": {field: reworded}}))
            if writes:
                await collection.bulk_write(writes, ordered=False)

    async def page(self, workspace_id: str, digest: str, before: str | None, limit: int) -> list[Document]:
        """A workspace's deliveries to one address, newest first, with what came back of each."""
        condition: Document = {"workspace_id": workspace_id, "address": digest}
        if before is not None:
            condition["_id"] = {"$lt": before}
        found = await self._deliveries.find(condition).sort("_id", -1).limit(limit).to_list(None)
        ids = [document["_id"] for document in found]
        returns: dict[str, list[bytes]] = {id_: [] for id_ in ids}
        async for one in self._returns.find({"message_id": {"$in": ids}}, {"message_id": 1, "event": 1}):
            returns[one["message_id"]].append(bytes(one["event"]))
        return [{**document, "returns": returns[document["_id"]]} for document in found]


def _of(erasure: Erasure) -> dict[str, str]:
    return {"address": erasure.address_hmac, **erasure.place}
