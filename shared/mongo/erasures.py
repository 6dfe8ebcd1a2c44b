"""The erasures that a service has heard of, in its own database: what is to be done, and what nothing may bring back.

`{_id: <erasure id>, workspace_id, address_hmac, occurred_at, heard_at, purge_at}`; until its part is done `address`
(sealed), `due_at`, `lease` and `counts`; from then on `began_at`, `ended_at`, `counts` and, until that is confirmed,
the mark of its unpublished record.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel, ReturnDocument, UpdateOne

from shared.contracts.erasures import Erase
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.erasure import hmac_of_erased, is_erased, redacted_event, redacted_message
from shared.mongo import outbox
from shared.mongo.due import from_now, new_token, renew
from shared.secrets import address_hmac
from shared.tokens import first_id

COLLECTION = "known_erasures"
KEPT = timedelta(days=15)
"""Longer than a record lives that was dead-lettered, and replayed, at the last moment."""
INDEXES = {
    COLLECTION: (
        IndexModel("heard_at"),
        IndexModel("due_at", sparse=True),
        IndexModel("purge_at", expireAfterSeconds=0),
        outbox.INDEX,
    )
}
FRESH_SECONDS = 1.0
"""How old at most what a process knows of erasures is when it writes by it."""
OVERLAP = timedelta(seconds=60)
LEASE_SECONDS = 60.0

Key = tuple[str | None, str]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure that a service has to do: of an address in one workspace, or (None) in all of them."""

    id: str
    workspace_id: str | None
    address: str
    address_hmac: str
    occurred_at: datetime

    @property
    def before(self) -> str:
        """The ids (UUIDv7) of what is older are less than this one."""
        return first_id(self.occurred_at)

    @property
    def place(self) -> dict[str, str]:
        """The condition that names the workspace, if it is of one."""
        return {} if self.workspace_id is None else {"workspace_id": self.workspace_id}


class KnownErasures:
    """What this process knows of erasures, read again before it decides by what is older than FRESH_SECONDS."""

    def __init__(self, database: AsyncIOMotorDatabase, pepper: bytes) -> None:
        self._collection = database[COLLECTION]
        self._pepper = pepper
        self._known: dict[Key, tuple[str, datetime]] = {}
        self._newest: datetime | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    def __bool__(self) -> bool:
        return bool(self._known)

    async def fresh(self) -> None:
        """To be called before what follows; raises where the database is away and what is known is too old."""
        if self._is_fresh():
            return
        async with self._reading:
            if not self._is_fresh():
                await self._read()

    def of(self, workspace_id: str, address: str, id_: str) -> str | None:
        """The HMAC of an address that was erased, for a message or another object with this id (UUIDv7), if that is
        older than the erasure."""
        return self.of_hmac(workspace_id, address_hmac(self._pepper, address), id_) if self._known else None

    def of_hmac(self, workspace_id: str, digest: str, id_: str) -> str | None:
        for place in (workspace_id, None):
            known = self._known.get((place, digest))
            if known is not None and id_ < known[0]:
                return digest
        return None

    def event(self, event: Event) -> Event:
        """The event without the person that it is about, where that one was erased; what is told later of such a
        message (a bounce, a click) may quote them as well."""
        if is_erased(event.recipient):
            return redacted_event(event, hmac_of_erased(event.recipient))
        if not self._known:
            return event
        found = self.of(event.workspace_id, event.recipient, event.message_id)
        return event if found is None else redacted_event(event, found)

    def message(self, message: Message) -> Message:
        """The same of a message, which is stopped then."""
        if not self._known or is_erased(message.recipient):
            return message
        found = self.of(message.workspace_id, message.recipient, message.message_id)
        return message if found is None else redacted_message(message, found, datetime.now(UTC))

    async def _read(self) -> None:
        """Reads what is new; what is gone from the database stays known here until the process ends: no record is that
        old."""
        asked = time.monotonic()
        since = {} if self._newest is None else {"heard_at": {"$gt": self._newest - OVERLAP}}
        fields = dict.fromkeys(("workspace_id", "address_hmac", "occurred_at", "heard_at"), 1)
        async for one in self._collection.find(since, fields):
            key, at = (one["workspace_id"], one["address_hmac"]), one["occurred_at"]
            known = self._known.get(key)
            if known is None or at > known[1]:
                self._known[key] = first_id(at), at
            self._newest = max(self._newest or one["heard_at"], one["heard_at"])
        self._read_at = asked

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._read_at <= FRESH_SECONDS


class ErasureLog:
    """Writes and claims: what a service has to do, and that it has done it."""

    def __init__(self, database: AsyncIOMotorDatabase, lease_seconds: float = LEASE_SECONDS) -> None:
        self.collection = database[COLLECTION]
        self._lease_seconds = lease_seconds

    async def hear(self, erasures: Sequence[Erase]) -> None:
        """Takes erasures. One that is done is confirmed again; one that is under way goes on."""
        await self.collection.bulk_write([_heard(one) for one in erasures], ordered=False)

    async def claim(self) -> Document | None:
        """Takes an erasure whose next pass is due and that nobody works on."""
        free = {"$or": [{"lease": {"$exists": False}}, {"$expr": {"$lt": ["$lease.until", "$$NOW"]}}]}
        lease = {"token": new_token(), "until": from_now(self._lease_seconds)}
        began = {"began_at": {"$ifNull": ["$began_at", "$$NOW"]}}
        taken: Document | None = await self.collection.find_one_and_update(
            {"due_at": {"$exists": True}, "$expr": {"$lte": ["$due_at", "$$NOW"]}, **free},
            [{"$set": {"lease": lease, "pass_at": "$$NOW", **began}}],
            sort=[("due_at", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return taken

    async def renew(self, erasure: Mapping[str, Any]) -> bool:
        """Has a pass go on; False where the erasure is somebody else's by now."""
        return bool(await renew(self.collection, [erasure["lease"]["token"]], self._lease_seconds))

    async def note(self, erasure: Mapping[str, Any], counts: Mapping[str, int]) -> None:
        """Keeps what a pass has found so far."""
        await self._write(erasure, _counted(counts), [])

    async def again(self, erasure: Mapping[str, Any], counts: Mapping[str, int], seconds: float) -> None:
        """Has a pass follow in so many seconds."""
        await self._write(erasure, {"due_at": from_now(seconds), **_counted(counts)}, ["lease"])

    async def end(self, erasure: Mapping[str, Any], counts: Mapping[str, int]) -> None:
        """The service's part is done: its address goes, and the confirmation waits to be published."""
        mark = {"token": {"$literal": new_token()}, "since": "$$NOW"}
        fields = {"ended_at": "$$NOW", "unpublished": mark, **_counted(counts)}
        await self._write(erasure, fields, ["lease", "due_at", "address", "pass_at"])

    async def _write(self, erasure: Mapping[str, Any], fields: Mapping[str, Any], gone: list[str]) -> None:
        condition = {"_id": erasure["_id"], "lease.token": erasure["lease"]["token"]}
        await self.collection.update_one(condition, [{"$set": dict(fields)}, *([{"$unset": gone}] if gone else [])])


def _heard(erase: Erase) -> UpdateOne:
    ended = {"$gt": ["$ended_at", None]}
    fields = {
        "workspace_id": {"$literal": erase.workspace_id},
        "address_hmac": erase.address_hmac,
        "occurred_at": erase.occurred_at,
        "heard_at": {"$ifNull": ["$heard_at", "$$NOW"]},
        "purge_at": {"$ifNull": ["$purge_at", {"$add": ["$$NOW", round(KEPT.total_seconds() * 1000)]}]},
        "address": {"$cond": [ended, "$$REMOVE", {"$literal": erase.address}]},
        "due_at": {"$cond": [ended, "$$REMOVE", {"$ifNull": ["$due_at", "$$NOW"]}]},
        "unpublished": {
            "$cond": [ended, {"token": {"$literal": new_token()}, "since": "$$NOW"}, "$unpublished"],
        },
    }
    return UpdateOne({"_id": erase.erasure_id}, [{"$set": fields}], upsert=True)


def _counted(counts: Mapping[str, int]) -> dict[str, Any]:
    """What was found goes up only: what has expired meanwhile the next pass does not find."""
    return {f"counts.{name}": {"$max": [f"$counts.{name}", number]} for name, number in counts.items()}
