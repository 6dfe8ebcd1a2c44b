"""Sending domains: the entities with, beside their data, what the DNS showed of them (`check`), and their addresses.

`check` is `{checked_at, next_at, looks, warnings, records: [{name, is_valid, found, problem, warning}]}`; no other
service has it, and writing it makes no new version.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import IndexModel, UpdateOne
from pymongo.errors import DuplicateKeyError

from services.ingest.store.audit import AuditLog
from shared.contracts.entities import Domain, Kind, Sender
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities

LIVING = {"deleted": {"$ne": True}}
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    Kind.DOMAIN: (
        IndexModel(
            [("workspace_id", 1), ("data.name", 1)],
            name="one_of_a_name",
            unique=True,
            partialFilterExpression={"deleted": False},
        ),
        IndexModel("data.exclusive", unique=True, partialFilterExpression={"data.exclusive": {"$type": "string"}}),
        IndexModel("check.next_at"),
    ),
    Kind.SENDER: (
        IndexModel(
            [("workspace_id", 1), ("data.address", 1)],
            name="one_of_an_address",
            unique=True,
            partialFilterExpression={"deleted": False},
        ),
        IndexModel("data.domain_id"),
    ),
}


class ExistsError(Exception):
    """The workspace has one of this name or address already."""


class NameTakenError(Exception):
    """Another workspace has a domain of this name verified, and it belongs to that one alone."""


@dataclass(frozen=True, slots=True)
class KeptDomain:
    """A domain as it stands in the database."""

    id: str
    workspace_id: str
    version: int
    changed_at: datetime
    domain: Domain
    check: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeptSender:
    id: str
    workspace_id: str
    version: int
    changed_at: datetime
    sender: Sender


class Domains:
    """A workspace's domains, and those that are to be looked at."""

    def __init__(self, entities: Entities, publisher: Publisher) -> None:
        self._entities = entities
        self._collection = entities.database[Kind.DOMAIN]
        self._outbox = entities.outbox(Kind.DOMAIN, publisher)
        self._log = AuditLog(entities.database)

    async def find(self, workspace_id: str, id_or_name: str) -> KeptDomain | None:
        names = {"$or": [{"_id": id_or_name.lower()}, {"data.name": id_or_name.lower()}]}
        document = await self._collection.find_one({"workspace_id": workspace_id, **names, **LIVING})
        return _domain(document) if document else None

    async def page(self, workspace_id: str, search: str | None, skip: int, limit: int) -> tuple[list[KeptDomain], int]:
        """Those whose name contains `search`, oldest first, and how many there are in all."""
        condition: dict[str, Any] = {"workspace_id": workspace_id, **LIVING}
        if search:
            condition["data.name"] = {"$regex": re.escape(search.lower())}
        total = await self._collection.count_documents(condition)
        found = self._collection.find(condition).sort("_id", 1).skip(skip).limit(limit)
        return [_domain(document) async for document in found], total

    async def count(self, workspace_id: str) -> int:
        return int(await self._collection.count_documents({"workspace_id": workspace_id, **LIVING}))

    async def is_taken(self, name: str) -> bool:
        """Whether a workspace has it verified for itself alone."""
        return await self._collection.find_one({"data.exclusive": name}, {"_id": 1}) is not None

    async def put(
        self,
        id_: str,
        workspace_id: str,
        domain: Domain,
        *,
        audit: Mapping[str, Any],
        expected: int | None = None,
        deleted: bool = False,
    ) -> KeptDomain:
        """Writes and publishes a version with its entry for the audit log; raises ExistsError, NameTakenError,
        VersionConflictError."""
        data = domain.model_dump(mode="json")
        try:
            document = await self._entities.put(
                Kind.DOMAIN, id_, workspace_id, data, expected=expected, deleted=deleted, audit=audit
            )
        except DuplicateKeyError as error:
            if "data.exclusive" in (error.details or {}).get("keyPattern", {}):
                raise NameTakenError(domain.name) from error
            raise ExistsError(domain.name) from error
        await asyncio.gather(self._outbox.offer([document]), self._log.take_now(Kind.DOMAIN, document))
        return _domain(document)

    async def due(self, now: datetime, limit: int) -> list[KeptDomain]:
        """Those to look at, the longest due first; one that was never looked at is due."""
        condition = {"$or": [{"check.next_at": None}, {"check.next_at": {"$lte": now}}], **LIVING}
        found = self._collection.find(condition).sort("check.next_at", 1).limit(limit)
        return [_domain(document) async for document in found]

    async def save_checks(self, checks: Mapping[str, Mapping[str, Any]]) -> None:
        """Sets fields of the `check` of domains, by their id."""
        changes = [
            UpdateOne({"_id": id_}, {"$set": {f"check.{name}": value for name, value in check.items()}})
            for id_, check in checks.items()
        ]
        if changes:
            await self._collection.bulk_write(changes, ordered=False)

    async def count_failing(self) -> int:
        """How many verified domains do not show their records."""
        failing = {"data.verified": True, "data.lost_since": {"$type": "string"}, **LIVING}
        return int(await self._collection.count_documents(failing))


class Senders:
    """The addresses of domains."""

    def __init__(self, entities: Entities, publisher: Publisher) -> None:
        self._entities = entities
        self._collection = entities.database[Kind.SENDER]
        self._outbox = entities.outbox(Kind.SENDER, publisher)
        self._log = AuditLog(entities.database)

    async def find(self, domain: KeptDomain, id_: str) -> KeptSender | None:
        document = await self._collection.find_one({"_id": id_.lower(), **_of(domain)})
        return _sender(document) if document else None

    async def page(self, domain: KeptDomain, skip: int, limit: int) -> tuple[list[KeptSender], int]:
        """Oldest first, and how many there are in all."""
        total = await self._collection.count_documents(_of(domain))
        found = self._collection.find(_of(domain)).sort("_id", 1).skip(skip).limit(limit)
        return [_sender(document) async for document in found], total

    async def put(
        self, id_: str, workspace_id: str, sender: Sender, *, audit: Mapping[str, Any], deleted: bool = False
    ) -> KeptSender:
        """Writes and publishes a version with its entry for the audit log; raises ExistsError."""
        data = sender.model_dump(mode="json")
        try:
            document = await self._entities.put(Kind.SENDER, id_, workspace_id, data, deleted=deleted, audit=audit)
        except DuplicateKeyError as error:
            raise ExistsError(sender.address) from error
        await asyncio.gather(self._outbox.offer([document]), self._log.take_now(Kind.SENDER, document))
        return _sender(document)

    async def delete_all(self, domain: KeptDomain) -> None:
        """Deletes a domain's addresses; the sweep publishes that."""
        await self._entities.delete_where(Kind.SENDER, _of(domain))


def _of(domain: KeptDomain) -> dict[str, Any]:
    return {"workspace_id": domain.workspace_id, "data.domain_id": domain.id, **LIVING}


def _domain(document: Mapping[str, Any]) -> KeptDomain:
    return KeptDomain(
        document["_id"],
        document["workspace_id"],
        document["version"],
        document["changed_at"],
        Domain.model_validate(document["data"]),
        document.get("check") or {},
    )


def _sender(document: Mapping[str, Any]) -> KeptSender:
    return KeptSender(
        document["_id"],
        document["workspace_id"],
        document["version"],
        document["changed_at"],
        Sender.model_validate(document["data"]),
    )
