"""The collections of the suppression service (documents.py has their shape)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument, UpdateOne

from services.suppression.documents import (
    Named,
    change_record,
    entry_of,
    identity_of,
    lesson_update,
    manual_update,
    removal_update,
)
from services.suppression.erasing import store as erasures
from services.suppression.rules import Entry, EntryType, Lesson, Place, Reason
from shared.kafka.publish import Publisher
from shared.mongo import outbox
from shared.mongo.due import new_token
from shared.mongo.group_commit import insert_group
from shared.mongo.outbox import Outbox
from shared.secrets import SecretBox, address_hmac, digest

SUPPRESSIONS, HITS = "suppressions", "hits"
READ_MS = 5_000
NEWEST_FIRST = (("first_seen", DESCENDING), ("public_id", DESCENDING))
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    SUPPRESSIONS: (
        IndexModel("public_id", unique=True),
        IndexModel([("scope", ASCENDING), *NEWEST_FIRST]),
        IndexModel([("scope", ASCENDING), ("standing.type", ASCENDING), *NEWEST_FIRST]),
        IndexModel([("scope", ASCENDING), ("parts", ASCENDING), *NEWEST_FIRST]),
        *erasures.INDEXES[SUPPRESSIONS],
        outbox.INDEX,
    ),
    HITS: (IndexModel("expires_at", expireAfterSeconds=0),),
    erasures.COLLECTION: erasures.INDEXES[erasures.COLLECTION],
}


class Suppressions:
    """Reads and writes suppressions. Every change is marked unpublished; `outbox` publishes what is marked."""

    def __init__(self, database: AsyncIOMotorDatabase, pepper: bytes, box: SecretBox, publisher: Publisher) -> None:
        self._suppressions = database[SUPPRESSIONS]
        self._hits = database[HITS]
        self._pepper = pepper
        self._box = box
        self.outbox = Outbox(self._suppressions, publisher, lambda document: [change_record(document)])

    def keys(self, workspace_id: str, address: str) -> tuple[str, str]:
        """The keys of every entry that can stop a message of a workspace to an address."""
        digest = address_hmac(self._pepper, address)
        return f"{Place().scope}:{digest}", f"{Place(workspace_id).scope}:{digest}"

    async def standing(self, keys: Collection[str], now: datetime) -> dict[str, Entry]:
        """The entries that count at `now` among `keys`, in one query."""
        query = {"_id": {"$in": list(keys)}, "standing.until": {"$gt": now}}
        return {document["_id"]: entry_of(document) async for document in self._suppressions.find(query)}

    async def record_hits(self, hits: Sequence[Mapping[str, Any]]) -> None:
        """Notes messages that were stopped; what is noted already stays."""
        await insert_group(self._hits, hits)

    async def learn(self, lessons: Sequence[Lesson]) -> list[dict[str, Any]]:
        """Takes the lessons in one write; returns the documents concerned whose change is not published yet."""
        writes, keys = [], []
        for lesson in lessons:
            named = self._named(lesson.place, lesson.address)
            keys.append(named.identity["_id"])
            writes.append(UpdateOne({"_id": keys[-1]}, lesson_update(named, lesson), upsert=True))
        await self._suppressions.bulk_write(writes, ordered=False)
        query = {"_id": {"$in": keys}, "unpublished.token": {"$exists": True}}
        return list(await self._suppressions.find(query).to_list(None))

    async def add(
        self, place: Place, address: str, reason: Reason, note: str | None, lifetime: timedelta | None
    ) -> tuple[dict[str, Any], bool]:
        """Suppresses an address by hand; returns its document, and whether it was not suppressed before."""
        named, token = self._named(place, address), new_token()
        document = await self._suppressions.find_one_and_update(
            {"_id": named.identity["_id"]},
            manual_update(named, reason, note, lifetime, token),
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        mine = document.get("unpublished", {}).get("token") == token
        return document, mine and document["first_seen"] == document["standing"]["at"]

    async def remove(self, entry: Entry, *, complaints: bool) -> dict[str, Any] | None:
        """Turns an entry into its tombstone and returns that; None where it has gone (or is a complaint by now)."""
        condition: dict[str, Any] = {"_id": entry.key, "standing": {"$exists": True}}
        if not complaints:
            condition["standing.reason"] = {"$ne": Reason.COMPLAINT}
        removed: dict[str, Any] | None = await self._suppressions.find_one_and_update(
            condition, removal_update(), return_document=ReturnDocument.AFTER
        )
        return removed

    async def find(self, place: Place, name: str, now: datetime) -> Entry | None:
        """The entry of one place that counts at `now`, by its public id or its address."""
        wanted = {"_id": self._key(place, name)} if "@" in name else {"public_id": name}
        document = await self._suppressions.find_one({**wanted, "scope": place.scope, "standing.until": {"$gt": now}})
        return entry_of(document) if document else None

    async def page(
        self, place: Place, now: datetime, types: Collection[EntryType], search: str | None, skip: int, limit: int
    ) -> tuple[list[Entry], int]:
        """Some of the entries of these types that count at `now`, newest first, and how many there are.

        `search` is a whole address, or what stands before or after the @ of one.
        """
        query: dict[str, Any] = {"scope": place.scope, "standing.until": {"$gt": now}}
        if set(types) != set(EntryType):
            query["standing.type"] = {"$in": list(types)}
        if search is not None:
            query |= self._found_by(place, search)
        total = await self._suppressions.count_documents(query, maxTimeMS=READ_MS)
        found = self._suppressions.find(query).sort(list(NEWEST_FIRST)).skip(skip).limit(limit).max_time_ms(READ_MS)
        return [entry_of(document) async for document in found], total

    def open_address(self, entry: Entry) -> str | None:
        """The clear address, for the eyes of its place alone; None of who was erased. Raises UnsealError."""
        if entry.address is None:
            return None
        return self._box.open(entry.address, _purpose(entry.key)).decode()

    def _key(self, place: Place, address: str) -> str:
        return f"{place.scope}:{address_hmac(self._pepper, address)}"

    def _named(self, place: Place, address: str) -> Named:
        identity = identity_of(place, address_hmac(self._pepper, address))
        sealed = self._box.seal(address.lower().encode(), _purpose(identity["_id"]))
        local_part, _, domain = address.lower().rpartition("@")
        return Named(identity, sealed, [self._part(local_part), self._part(domain)])

    def _found_by(self, place: Place, search: str) -> dict[str, Any]:
        local_part, _, domain = search.lower().rpartition("@")
        if local_part and domain:
            return {"_id": self._key(place, search)}
        return {"parts": self._part(local_part or domain)}

    def _part(self, part: str) -> str:
        return digest(self._pepper, part, "address-part")


def _purpose(key: str) -> str:
    return f"suppression:{key}"
