"""Lists of suppressions: pages, the whole, and what was removed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.suppression.documents.reading import entry_of
from services.suppression.rules import NEVER, Entry, EntryType, Reason, Scope
from services.suppression.store.entries import NEWEST_FIRST, Suppressions

READ_MS = 5_000
AT_ONCE = 1_000
Position = tuple[datetime, str]
"""When the last entry of a page began to count, and its public id."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of a workspace or (`workspace_id` None) of the platform; None asks for any.

    `expiring` is whether they expire at all, or within how long. `search` is a whole address, or what stands before or
    after the @ of one.
    """

    workspace_id: str | None
    types: Sequence[EntryType] | None = None
    causes: Sequence[Reason] | None = None
    scopes: Sequence[Scope] | None = None
    domains: Sequence[str] | None = None
    streams: Sequence[str] | None = None
    origins: Sequence[str] | None = None
    expiring: bool | timedelta | None = None
    search: str | None = field(default=None, repr=False)


class Listing:
    """Reads the entries that count."""

    def __init__(self, suppressions: Suppressions) -> None:
        self._collection = suppressions.collection
        self._naming = suppressions.naming

    async def page(self, wanted: Wanted, now: datetime, skip: int, limit: int) -> tuple[list[Entry], int]:
        """Some of the entries, newest first, and how many there are."""
        query = self._query(wanted, now)
        total = await self._collection.count_documents(query, maxTimeMS=READ_MS)
        found = self._collection.find(query).sort(list(NEWEST_FIRST)).skip(skip).limit(limit).max_time_ms(READ_MS)
        return [entry_of(document) async for document in found], total

    async def after(self, wanted: Wanted, now: datetime, last: Position | None, limit: int) -> list[Entry]:
        """Some of the entries, newest first, behind the last one of the page before."""
        query = self._query(wanted, now)
        if last is not None:
            first_seen, id_ = last
            behind = [{"first_seen": {"$lt": first_seen}}, {"first_seen": first_seen, "public_id": {"$lt": id_}}]
            query |= {"first_seen": {"$lte": first_seen}, "$and": [{"$or": behind}]}
        found = self._collection.find(query).sort(list(NEWEST_FIRST)).limit(limit).max_time_ms(READ_MS)
        return [entry_of(document) async for document in found]

    async def all(self, wanted: Wanted, now: datetime) -> AsyncIterator[list[Entry]]:
        """Every entry, newest first, a thousand at a time."""
        found = self._collection.find(self._query(wanted, now)).sort(list(NEWEST_FIRST)).batch_size(AT_ONCE)
        while documents := await found.to_list(AT_ONCE):
            yield [entry_of(document) for document in documents]

    async def removals(
        self, workspace_id: str | None, search: str | None, skip: int, limit: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Documents of what is removed now, the newest removal first, and how many there are."""
        query: dict[str, Any] = {"workspace_id": workspace_id, "removed_at": {"$exists": True}, "standing": None}
        if search is not None:
            query["address_hmac"] = self._naming.digest(search)
        order = [("removed_at", -1), ("public_id", -1)]
        total = await self._collection.count_documents(query, maxTimeMS=READ_MS)
        found = self._collection.find(query).sort(order).skip(skip).limit(limit).max_time_ms(READ_MS)
        return await found.to_list(None), total

    def _query(self, wanted: Wanted, now: datetime) -> dict[str, Any]:
        until: dict[str, Any] = {"$gt": now}
        if isinstance(wanted.expiring, timedelta):
            until["$lte"] = now + wanted.expiring
        elif wanted.expiring is not None:
            until |= {"$lt": NEVER} if wanted.expiring else {"$gte": NEVER}
        query: dict[str, Any] = {"workspace_id": wanted.workspace_id, "standing.until": until}
        chosen = {
            "standing.type": wanted.types,
            "standing.reason": wanted.causes,
            "standing.origin": wanted.origins,
            "domain": wanted.domains,
            "stream": wanted.streams,
        }
        query |= {name: {"$in": list(values)} for name, values in chosen.items() if values is not None}
        if wanted.scopes is not None:
            query["$or"] = [_IN_SCOPE[scope] for scope in wanted.scopes] or [{"_id": None}]
        if wanted.search is not None:
            query |= self._found_by(wanted.search)
        return query

    def _found_by(self, search: str) -> dict[str, Any]:
        local_part, _, domain = search.lower().rpartition("@")
        if local_part and domain:
            return {"address_hmac": self._naming.digest(search)}
        return {"parts": self._naming.part(local_part or domain)}


_IN_SCOPE: dict[Scope, dict[str, Any]] = {
    Scope.PLATFORM: {"workspace_id": None},
    Scope.WORKSPACE: {"domain": None, "stream": None},
    Scope.DOMAIN: {"domain": {"$type": "string"}},
    Scope.STREAM: {"stream": {"$type": "string"}},
}
