"""What ingest holds of a person, found in batches, and what is left of it.

The read model finds a message by its recipient; what it may not have heard of yet is found among the submissions that
are still looked after.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne

from services.ingest.store.contact_events import COLLECTION as CONTACT_EVENTS
from services.ingest.store.contacts import COLLECTION as CONTACTS
from services.ingest.store.messages import COLLECTION as MESSAGES
from services.ingest.store.submissions import COLLECTION as SUBMISSIONS
from services.ingest.store.tracked_hits import COLLECTION as HITS
from shared.contracts.entities import Kind
from shared.contracts.topics import Lane
from shared.erasure import erased_address
from shared.mongo.erasures import Erasure

BATCH = 500
SUBMISSIONS_AT_ONCE = 100  # each holds the records of all its recipients
INDEXES: dict[str, tuple[IndexModel, ...]] = {HITS: (IndexModel("message_id"),)}
LOOKED_AFTER: tuple[dict[str, Any], ...] = (
    *({"lane": str(lane), "pending": {"$exists": True}} for lane in Lane),
    {"due_at": {"$exists": True}},
    {"sweep_at": {"$exists": True}},
    {"unpublished.since": {"$exists": True}},
)

Document = dict[str, Any]


class Persons:
    """Reads and writes of what is held of erased people; each names the workspace."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._database = database
        self._messages = database[MESSAGES]
        self._submissions = database[SUBMISSIONS]
        self._hits = database[HITS]

    async def workspaces(self, erasure: Erasure) -> list[str]:
        """The workspace of the erasure, or all that there are or have been."""
        if erasure.workspace_id is not None:
            return [erasure.workspace_id]
        return [document["_id"] async for document in self._database[Kind.WORKSPACE].find({}, {"_id": 1})]

    async def contacts(self, workspaces: Collection[str], erasure: Erasure) -> list[Document]:
        """The person's contacts, one of each workspace."""
        condition = {
            "workspace_id": {"$in": list(workspaces)},
            "address_key": erasure.address.lower(),
            "created_at": {"$lt": erasure.occurred_at},
        }
        found = self._database[CONTACTS].find(condition, {"workspace_id": 1})
        contacts: list[Document] = await found.to_list(None)
        return contacts

    async def delete_contact(self, contact: Mapping[str, Any]) -> None:
        """Deletes a contact with its events: the events first, which only the contact leads to."""
        of_it = {"workspace_id": contact["workspace_id"], "contact_id": contact["_id"]}
        await self._database[CONTACT_EVENTS].delete_many(of_it)
        await self._database[CONTACTS].delete_one({"_id": contact["_id"]})

    async def messages(self, workspace_id: str, erasure: Erasure, after: str) -> list[Document]:
        """The person's next messages of the read model behind the id `after`, redacted ones too."""
        condition = {
            "workspace_id": workspace_id,
            "recipient_key": {"$in": [erasure.address.lower(), erased_address(erasure.address_hmac)]},
            "_id": {"$gt": after, "$lt": erasure.before},
        }
        found: list[Document] = await self._messages.find(condition).sort("_id", 1).limit(BATCH).to_list(None)
        return found

    async def looked_after(self, workspace_id: str, erasure: Erasure) -> AsyncIterator[list[str]]:
        """The submissions with a message to the person that the read model may not know yet, redacted ones too, in
        batches; one may come more than once."""
        theirs = [re.compile(f"^{re.escape(erasure.address)}$", re.IGNORECASE), erased_address(erasure.address_hmac)]
        older = {"workspace_id": workspace_id, "messages.recipient": {"$in": theirs}, "_id": {"$lt": erasure.before}}
        batch: list[str] = []
        for condition in LOOKED_AFTER:
            async for document in self._submissions.find({**condition, **older}, {"_id": 1}):
                batch.append(document["_id"])
                if len(batch) >= BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch

    async def submissions(self, workspace_id: str, ids: Iterable[str]) -> list[Document]:
        return await self._submissions.find({"workspace_id": workspace_id, "_id": {"$in": list(ids)}}).to_list(None)

    async def passed_on(self, workspace_id: str, event_ids: Collection[str]) -> list[str]:
        """The submissions that passed the person's replies on: their keys are the events' ids."""
        if not event_ids:
            return []
        condition = {"workspace_id": workspace_id, "key": {"$in": list(event_ids)}, "door": "reply"}
        return [document["_id"] async for document in self._submissions.find(condition, {"_id": 1})]

    async def dispose(self, ids: Collection[str]) -> None:
        """Has the contents of submissions go with their end."""
        condition = {"_id": {"$in": list(ids)}, "disposed_at": {"$exists": False}}
        await self._submissions.update_many(condition, {"$set": {"dispose": True}})

    async def disposed(self, ids: Collection[str]) -> int:
        """Of how many of the submissions the contents are deleted."""
        gone = {"_id": {"$in": list(ids)}, "disposed_at": {"$exists": True}}
        return int(await self._submissions.count_documents(gone))

    async def redact_submissions(self, changes: Mapping[str, Sequence[tuple[Document, Document]]]) -> None:
        """Applies updates, each with the condition on its message's entry, to submissions by their ids."""
        writes = [
            UpdateOne({"_id": id_, **condition}, update) for id_, some in changes.items() for condition, update in some
        ]
        if writes:
            await self._submissions.bulk_write(writes, ordered=True)

    async def redact_messages(self, updates: Mapping[str, Document]) -> None:
        if updates:
            await self._messages.bulk_write(
                [UpdateOne({"_id": id_}, one) for id_, one in updates.items()], ordered=False
            )

    async def hits(self, message_ids: Sequence[str]) -> list[Document]:
        """The hits on links of these messages; those that are redacted without their events."""
        event = {"$cond": ["$erased", "$$REMOVE", "$event"]}
        query = self._hits.find({"message_id": {"$in": list(message_ids)}}, {"event": event})
        found: list[Document] = await query.to_list(None)
        return found

    async def redact_hits(self, events: Mapping[str, bytes]) -> None:
        writes = [UpdateOne({"_id": id_}, {"$set": {"event": event, "erased": True}}) for id_, event in events.items()]
        if writes:
            await self._hits.bulk_write(writes, ordered=False)
