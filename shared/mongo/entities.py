"""Entities: workspaces, keys, domains, senders, transports, endpoints. One shape for their owner and for every copy.

A document is `{_id, workspace_id, version, deleted, changed_at, data}` in the collection named for its kind. The
owner raises `version` with each change and marks the document unpublished; a copy takes what is newer than its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import CollectionInvalid, DuplicateKeyError
from pymongo.read_concern import ReadConcern

from shared.contracts.entities import PRIVATE, EntityChange, Kind
from shared.contracts.topics import CONFIG_CHANGES
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo import outbox
from shared.mongo.outbox import Outbox

NOTICES = "entity_changes"
NOTICES_BYTES = 1024 * 1024

AUDIT_INDEX = IndexModel("audit.at", sparse=True)
INDEXES: dict[Kind, tuple[IndexModel, ...]] = {
    kind: (IndexModel("workspace_id"), outbox.INDEX, AUDIT_INDEX) for kind in Kind
}
INDEXES[Kind.API_KEY] += (
    IndexModel("data.digest", unique=True, sparse=True),
    # null where a key was never rotated; an equality with a text is known to be within `$gt`, not within `$type`
    IndexModel("data.previous_digest", unique=True, partialFilterExpression={"data.previous_digest": {"$gt": ""}}),
)
INDEXES[Kind.DOMAIN] += (IndexModel([("workspace_id", 1), ("data.name", 1)]),)
INDEXES[Kind.SENDER] += (IndexModel([("workspace_id", 1), ("data.address", 1)]),)


@dataclass(frozen=True, slots=True)
class Entity:
    """One version of one entity, as it stands in this service's database."""

    kind: Kind
    id: str
    workspace_id: str | None
    version: int
    deleted: bool
    data: dict[str, Any]

    @classmethod
    def of(cls, kind: Kind, document: Mapping[str, Any]) -> Entity:
        return cls(
            kind,
            document["_id"],
            document.get("workspace_id"),
            document["version"],
            document.get("deleted", False),
            document["data"],
        )


class VersionConflictError(Exception):
    """The entity has changed since the version that the caller named."""


class Entities:
    """The entities in one service's database: reads, the owner's writes, and a copy's updates."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self.database = database

    async def get(self, kind: Kind, id_: str) -> Entity | None:
        """The entity, deleted ones too (a deletion is a version)."""
        document = await self.database[kind].find_one({"_id": id_})
        return Entity.of(kind, document) if document else None

    async def find(self, kind: Kind, condition: Mapping[str, Any], limit: int = 0) -> list[Entity]:
        """The living entities that meet a condition, oldest first."""
        query = self.database[kind].find({**condition, "deleted": {"$ne": True}}).sort("_id", 1).limit(limit)
        return [Entity.of(kind, document) async for document in query]

    async def of_ids(self, kind: Kind, workspace_id: str, ids: Sequence[str]) -> list[Entity]:
        """A workspace's entities of these ids, deleted ones too."""
        query = self.database[kind].find({"_id": {"$in": list(ids)}, "workspace_id": workspace_id})
        return [Entity.of(kind, document) async for document in query]

    async def put(
        self,
        kind: Kind,
        id_: str,
        workspace_id: str | None,
        data: Mapping[str, Any],
        *,
        deleted: bool = False,
        expected: int | None = None,
        audit: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Writes the owner's next version, marked unpublished unless its kind is private, and returns the document.

        With `expected`, raises VersionConflictError where the entity has another version by now; 0 expects that it has
        never been written. `audit` is an entry for the audit log: it stands in the document, in its array `audit`,
        until whoever keeps the log has taken it.
        """
        now = datetime.now(UTC)
        condition: dict[str, Any] = {"_id": id_, "workspace_id": workspace_id}
        if expected is not None:
            condition["version"] = expected
        change: dict[str, Any] = {
            "$inc": {"version": 1},
            "$set": {
                "data": dict(data),
                "deleted": deleted,
                "changed_at": now,
                **({} if kind in PRIVATE else {"unpublished": outbox.unpublished(now)}),
            },
        }
        if audit is not None:
            change["$push"] = {"audit": dict(audit)}
        try:
            document = await self.database[kind].find_one_and_update(
                condition, change, upsert=not expected, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError as error:
            if expected != 0:
                raise
            raise VersionConflictError(f"{kind} {id_} is there already") from error
        if document is None:
            raise VersionConflictError(f"{kind} {id_} is not at version {expected}")
        await self._tell([(kind, id_)])
        return dict(document)

    async def delete_where(self, kind: Kind, condition: Mapping[str, Any]) -> int:
        """Deletes the living entities of a published kind that meet a condition; the sweep publishes it."""
        now = datetime.now(UTC)
        living = {**condition, "deleted": {"$ne": True}}
        found = [document["_id"] async for document in self.database[kind].find(living, {"_id": 1})]
        if not found:
            return 0
        gone = {"deleted": True, "changed_at": now, "unpublished": outbox.unpublished(now)}
        await self.database[kind].update_many({**living, "_id": {"$in": found}}, {"$inc": {"version": 1}, "$set": gone})
        await self._tell([(kind, id_) for id_ in found])
        return len(found)

    async def apply(self, changes: Sequence[EntityChange]) -> None:
        """Takes every change that is newer than what is here; older ones and repeats change nothing."""
        for kind in {change.kind for change in changes}:
            await self.database[kind].bulk_write(
                [_newer(change) for change in changes if change.kind == kind], ordered=False
            )
        await self._tell([(change.kind, change.id) for change in changes])

    def notices(self) -> AsyncIOMotorCollection:
        """The capped collection that tells every process of this service what has changed.

        A tailable cursor on it wakes at once, and unlike a change stream does not read the whole oplog.
        """
        return self.database.get_collection(NOTICES, read_concern=ReadConcern("local"))

    async def create_notices(self) -> None:
        """Makes the capped collection; a tailable cursor dies on an empty one, so it begins with a notice."""
        if NOTICES in await self.database.list_collection_names(filter={"name": NOTICES}):
            return
        try:
            await self.database.create_collection(NOTICES, capped=True, size=NOTICES_BYTES)
        except CollectionInvalid:
            return
        await self._tell([(Kind.WORKSPACE, "")])

    async def _tell(self, changed: Sequence[tuple[Kind, str]]) -> None:
        await self.database[NOTICES].insert_many([{"kind": kind, "id": id_} for kind, id_ in changed])

    def outbox(self, kind: Kind, publisher: Publisher) -> Outbox:
        """The unpublished versions of a kind that this service owns."""
        return Outbox(self.database[kind], publisher, lambda document: [change_record(kind, document)])

    async def mark_all_unpublished(self, kinds: Iterable[Kind]) -> None:
        """Has the sweep publish every entity again: at start and daily, so that no copy stays behind for ever."""
        for kind in kinds:
            await self.database[kind].update_many(
                {"unpublished": {"$exists": False}},
                [{"$set": {"unpublished": {"token": {"$concat": ["all:", {"$toString": "$_id"}]}, "since": "$$NOW"}}}],
            )


def change_record(kind: Kind, document: Mapping[str, Any]) -> Outgoing:
    """An entity document's record on `config.changes`."""
    change = EntityChange(
        kind=kind,
        id=document["_id"],
        workspace_id=document.get("workspace_id"),
        version=document["version"],
        deleted=document.get("deleted", False),
        changed_at=document["changed_at"],
        data=document["data"],
    )
    return Outgoing(CONFIG_CHANGES, change.key, change.encode())


def _newer(change: EntityChange) -> UpdateOne:
    """Replaces an older version. The filter is the `_id` alone, so that of two first versions that race the server
    itself tries the loser again: with the version in the filter, its upsert would break on the other's document."""
    version = {
        "workspace_id": change.workspace_id,
        "version": change.version,
        "deleted": change.deleted,
        "changed_at": change.changed_at,
        "data": change.data,
    }
    newer = {"$mergeObjects": ["$$ROOT", {"$literal": version}]}
    update = [{"$replaceWith": {"$cond": [{"$gte": ["$version", change.version]}, "$$ROOT", newer]}}]
    return UpdateOne({"_id": change.id}, update, upsert=True)
