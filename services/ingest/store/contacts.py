"""Contacts: one document for each address of a workspace.

`{_id, workspace_id, address, address_key, attributes, subscribed, delivery_route, created_at, updated_at}`;
`address_key` is the address in lower case, unique in the workspace. Every write is one pipeline that merges what is
given into what is there, on the database's clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError, PyMongoError

from services.ingest.contacts.changes import LARGEST_ATTRIBUTES, ContactChange, Unchanged
from shared.tokens import uuid7

COLLECTION = "contacts"
READ_MS = 5_000
TRIES = 5
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel([("workspace_id", 1), ("address_key", 1)], unique=True),
        IndexModel([("workspace_id", 1), ("_id", 1)]),
        IndexModel([("workspace_id", 1), ("subscribed", 1), ("_id", 1)]),
    )
}
COMPARED = ("address", "attributes", "subscribed", "delivery_route")
LOOKED_UP = dict.fromkeys(("workspace_id", "address_key", *COMPARED), 1)

Document = dict[str, Any]


class AddressTakenError(Exception):
    """Another contact of the workspace has the address."""


class ContactStore:
    """Reads and writes of contacts; each names the workspace."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._contacts = database[COLLECTION]

    async def find(self, workspace_id: str, condition: Mapping[str, Any]) -> Document | None:
        found: Document | None = await self._contacts.find_one({"workspace_id": workspace_id, **condition})
        return found

    async def known(self, wanted: Sequence[tuple[str, Collection[str]]]) -> list[dict[str, Document]]:
        """For each workspace and its address keys, the contacts by key; all in one query."""
        keys: dict[str, set[str]] = {}
        for workspace_id, asked in wanted:
            keys.setdefault(workspace_id, set()).update(asked)
        either = [{"workspace_id": id_, "address_key": {"$in": list(some)}} for id_, some in keys.items()]
        found: dict[tuple[str, str], Document] = {}
        async for contact in self._contacts.find({"$or": either}, LOOKED_UP):
            found[contact["workspace_id"], contact["address_key"]] = contact
        return [{key: found[id_, key] for key in asked if (id_, key) in found} for id_, asked in wanted]

    async def page(
        self, workspace_id: str, condition: Mapping[str, Any], skip: int, limit: int
    ) -> tuple[list[Document], int]:
        """Some of the contacts that meet the condition, oldest first, and how many meet it."""
        query = {"workspace_id": workspace_id, **condition}
        total = await self._contacts.count_documents(query, maxTimeMS=READ_MS)
        found = self._contacts.find(query).sort("_id", 1).skip(skip).limit(limit).max_time_ms(READ_MS)
        return await found.to_list(None), total

    async def create(self, workspace_id: str, change: ContactChange) -> Document:
        """Raises AddressTakenError."""
        document = await self._change({"workspace_id": workspace_id, "_id": uuid7()}, change, upsert=True)
        assert document is not None
        return document

    async def change(self, workspace_id: str, contact_id: str, change: ContactChange) -> Document | None:
        """The contact as it is then, None where there is none. Raises AddressTakenError."""
        return await self._change({"workspace_id": workspace_id, "_id": contact_id}, change, upsert=False)

    async def _change(self, which: Mapping[str, Any], change: ContactChange, *, upsert: bool) -> Document | None:
        try:
            changed: Document | None = await self._contacts.find_one_and_update(
                which, _pipeline(change), upsert=upsert, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError as error:
            raise AddressTakenError from error
        return changed

    async def upsert(self, workspace_id: str, changes: Mapping[str, ContactChange]) -> dict[str, Document]:
        """Creates or changes the contact of each address key in one write; the contacts by key as they are then.

        Where two upserts race for one new contact the server itself tries the loser again: the filter is what the
        unique index has. One whose contact is deleted before it is read is written again.
        """
        found: dict[str, Document] = {}
        for _ in range(TRIES):
            left = [key for key in changes if key not in found]
            writes = [
                UpdateOne(
                    {"workspace_id": workspace_id, "address_key": key}, _pipeline(changes[key], uuid7()), upsert=True
                )
                for key in left
            ]
            await self._contacts.bulk_write(writes, ordered=False)
            found |= (await self.known([(workspace_id, left)]))[0]
            if len(found) == len(changes):
                return found
        raise PyMongoError("the contacts keep being deleted while they are written")

    async def delete(self, workspace_id: str, contact_id: str) -> bool:
        deleted = await self._contacts.delete_one({"workspace_id": workspace_id, "_id": contact_id})
        return bool(deleted.deleted_count)


def _pipeline(change: ContactChange, new_id: str | None = None) -> list[dict[str, Any]]:
    """The update; `updated_at` moves only where something else does, so that a change of nothing is no write."""
    fields: dict[str, Any] = {
        "attributes": _merged(change),
        "subscribed": _value(change.subscribed, {"$ifNull": ["$subscribed", change.new_subscribed]}),
        "delivery_route": _value(change.delivery_route, {"$ifNull": ["$delivery_route", None]}),
        "created_at": {"$ifNull": ["$created_at", "$$NOW"]},
    }
    if new_id is not None:
        fields["_id"] = {"$ifNull": ["$_id", new_id]}
        fields["address"] = {"$ifNull": ["$address", {"$literal": change.address}]}
    elif change.address is not None:
        fields["address"] = {"$literal": change.address}
        fields["address_key"] = {"$literal": change.address.lower()}
    before = {"before": {name: f"${name}" for name in COMPARED}}
    after = {name: f"${name}" for name in COMPARED}
    moved = {"$cond": [{"$eq": ["$before", after]}, "$updated_at", "$$NOW"]}
    return [{"$set": fields | before}, {"$set": {"updated_at": moved}}, {"$unset": "before"}]


def _merged(change: ContactChange) -> dict[str, Any]:
    """The attributes with the given ones set and the removed ones gone, as they were where that would be too much."""
    before = {"$ifNull": ["$attributes", {}]}
    kept: dict[str, Any] = before
    if change.removed:
        others = {"$not": {"$in": ["$$this.k", {"$literal": list(change.removed)}]}}
        kept = {"$arrayToObject": {"$filter": {"input": {"$objectToArray": before}, "cond": others}}}
    merged = {"$mergeObjects": [kept, {"$literal": dict(change.attributes)}]}
    return {
        "$let": {
            "vars": {"merged": merged},
            "in": {"$cond": [{"$lte": [{"$bsonSize": "$$merged"}, LARGEST_ATTRIBUTES]}, "$$merged", before]},
        }
    }


def _value(given: Any, otherwise: Any) -> Any:
    return otherwise if isinstance(given, Unchanged) else {"$literal": given}
