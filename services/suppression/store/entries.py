"""The `suppressions` collection: what stands, what is learned, added and removed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne

from services.suppression.documents.identity import Named
from services.suppression.documents.reading import change_record, entries_of, entry_of
from services.suppression.documents.updates import (
    Addition,
    Removal,
    addition_update,
    lesson_update,
    new_document,
    removal_update,
)
from services.suppression.rules import GUARDED, Entry, Lesson, Place, Reason
from services.suppression.store.naming import Naming
from shared.kafka.publish import Publisher
from shared.mongo import outbox
from shared.mongo.clock import DatabaseClock
from shared.mongo.due import new_token
from shared.mongo.group_commit import Insert, insert_group
from shared.mongo.outbox import Outbox
from shared.secrets import SecretBox

COLLECTION = "suppressions"
HOW_IT_STANDS = {"first_seen": 1, "standing.at": 1, "standing.event_id": 1}
UNNEEDED = {"address": 0, "parts": 0, "removals": 0}
OUTCOMES = ("added", "replaced", "unchanged")
NEWEST_FIRST = (("first_seen", DESCENDING), ("public_id", DESCENDING))
BY_ADDRESS = [("address_hmac", ASCENDING), ("workspace_id", ASCENDING)]
ALL_AT_ONCE = 10_000  # of a batch of addresses, the entries of which are asked for in one round
# its end stands in each, so that what counts now is counted without a look at the documents
END = ("standing.until", ASCENDING)
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (
        IndexModel("public_id", unique=True),
        IndexModel(BY_ADDRESS),
        IndexModel([("workspace_id", ASCENDING), *NEWEST_FIRST, END]),
        IndexModel([("workspace_id", ASCENDING), ("standing.type", ASCENDING), *NEWEST_FIRST, END]),
        IndexModel([("workspace_id", ASCENDING), ("parts", ASCENDING), *NEWEST_FIRST]),
        IndexModel(
            [("workspace_id", ASCENDING), ("removed_at", DESCENDING), ("public_id", DESCENDING)],
            partialFilterExpression={"removed_at": {"$exists": True}},
        ),
        outbox.INDEX,
    )
}


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an addition: its document, whether it stands, and whether the address was not suppressed."""

    document: dict[str, Any]
    stands: bool
    is_new: bool


class Suppressions:
    """Reads and writes suppressions. Every change is marked unpublished; `outbox` publishes what is marked."""

    def __init__(self, database: AsyncIOMotorDatabase, pepper: bytes, box: SecretBox, publisher: Publisher) -> None:
        self.collection = database[COLLECTION]
        self.naming = Naming(pepper, box)
        self._clock = DatabaseClock(database)
        self.outbox = Outbox(self.collection, publisher, lambda document: [change_record(document)])

    async def standing(
        self, digests: Collection[str], workspace_ids: Collection[str], now: datetime
    ) -> dict[str, list[Entry]]:
        """The entries of the platform's and of these workspaces that count at `now`, by their addresses' digests, in
        one query; without their addresses.

        By address and not by key: an address has four keys, and hardly ever an entry.
        """
        query = {
            "address_hmac": {"$in": list(digests)},
            "workspace_id": {"$in": [None, *workspace_ids]},
            "standing.until": {"$gt": now},
        }
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        cursor = self.collection.find(query, UNNEEDED, batch_size=ALL_AT_ONCE, hint=BY_ADDRESS)
        for document in await cursor.to_list(None):
            found[document["address_hmac"]] += entries_of(document)
        return found

    async def learn(self, lessons: Sequence[Lesson]) -> list[dict[str, Any]]:
        """Takes the lessons in one write; returns the documents concerned whose change is not published yet."""
        writes, keys = [], []
        for lesson in lessons:
            named = self.naming.named(lesson.place, lesson.address)
            keys.append(named.key)
            writes.append(UpdateOne({"_id": named.key}, lesson_update(named, lesson), upsert=True))
        await self.collection.bulk_write(writes, ordered=False)
        query = {"_id": {"$in": keys}, "unpublished.token": {"$exists": True}}
        return list(await self.collection.find(query).to_list(None))

    async def add(
        self, place: Place, address: str, reason: Reason, note: str | None, lifetime: timedelta | None
    ) -> tuple[dict[str, Any], bool]:
        """Suppresses an address by hand; returns its document, and whether it was not suppressed before."""
        named = self.naming.named(place, address)
        (added,) = await self.add_many([(named, Addition(reason, note, lifetime))])
        return added.document, added.is_new

    async def add_many(self, additions: Sequence[tuple[Named, Addition]]) -> list[Added]:
        """Suppresses addresses, in one write; answers for each, in order."""
        tokens = [new_token() for _ in additions]
        await self.collection.bulk_write(_upserts(additions, tokens), ordered=False)
        found = await self.documents({named.key for named, _ in additions})
        return [_added(found[named.key], token) for (named, _), token in zip(additions, tokens, strict=True)]

    async def import_many(self, additions: Sequence[tuple[Named, Addition]]) -> dict[str, int]:
        """As `add_many`, for so many that their changes are left to the sweep; counts what became of them."""
        await self._clock.sync()
        at = self._clock.estimate()
        documents = [new_document(named, addition, new_token(), at) for named, addition in additions]
        inserted = await insert_group(self.collection, documents)
        rest = [each for each, answer in zip(additions, inserted, strict=True) if answer.result is Insert.EXISTS]
        counts = await self._import_known(rest) if rest else Counter()
        return {name: counts[name] for name in OUTCOMES} | {"added": counts["added"] + len(additions) - len(rest)}

    async def _import_known(self, additions: Sequence[tuple[Named, Addition]]) -> Counter[str]:
        tokens = [new_token() for _ in additions]
        await self.collection.bulk_write(_upserts(additions, tokens), ordered=False)
        keys, mine = [named.key for named, _ in additions], set(tokens)
        there = self.collection.find({"_id": {"$in": keys}}, HOW_IT_STANDS)
        known = [_added(each, token) async for each in there if (token := each["standing"]["event_id"]) in mine]
        is_new = sum(each.is_new for each in known)
        return Counter(added=is_new, replaced=len(known) - is_new, unchanged=len(additions) - len(known))

    async def remove(self, removals: Sequence[tuple[Entry, Removal]], *, guarded: bool) -> list[dict[str, Any] | None]:
        """Turns entries into their tombstones, in one write, and returns these in order.

        None where one has gone, or where it is `guarded` by now and such were not to be removed.
        """
        condition: dict[str, Any] = {"standing": {"$exists": True}}
        if not guarded:
            condition["standing.reason"] = {"$nin": list(GUARDED)}
        tokens = [new_token() for _ in removals]
        await self.collection.bulk_write(
            [
                UpdateOne({"_id": entry.key, **condition}, removal_update(removal, token))
                for (entry, removal), token in zip(removals, tokens, strict=True)
            ],
            ordered=False,
        )
        query = {"_id": {"$in": [entry.key for entry, _ in removals]}, "removals.token": {"$in": tokens}}
        found = {each["removals"][-1]["token"]: each async for each in self.collection.find(query)}
        return [found.get(token) for token in tokens]

    async def documents(self, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """What is known of these keys, removed ones too."""
        return {each["_id"]: each async for each in self.collection.find({"_id": {"$in": list(keys)}})}

    async def find(self, place: Place, name: str, now: datetime) -> Entry | None:
        """The entry that counts at `now`: of this place by its address, or of its workspace by its public id."""
        document = await self.document(place, name)
        stands = document is not None and "standing" in document and document["standing"]["until"] > now
        return entry_of(document) if document is not None and stands else None

    async def find_many(self, workspace_id: str | None, names: Collection[str]) -> dict[str, Entry]:
        """The entries of a workspace that count now, by those of their keys and public ids that were asked for."""
        query = {
            "workspace_id": workspace_id,
            "$or": [{"_id": {"$in": list(names)}}, {"public_id": {"$in": list(names)}}],
            "$expr": {"$gt": ["$standing.until", "$$NOW"]},
        }
        found = [entry_of(document) async for document in self.collection.find(query)]
        return {name: entry for entry in found for name in (entry.key, entry.id) if name in names}

    async def document(self, place: Place, name: str) -> dict[str, Any] | None:
        """What is known of an address in this place, or of a public id in its workspace; removed ones too."""
        wanted = {"_id": self.naming.key(place, name)} if "@" in name else {"public_id": name}
        found: dict[str, Any] | None = await self.collection.find_one({**wanted, "workspace_id": place.workspace_id})
        return found


def _upserts(additions: Sequence[tuple[Named, Addition]], tokens: Sequence[str]) -> list[UpdateOne]:
    return [
        UpdateOne({"_id": named.key}, addition_update(named, addition, token), upsert=True)
        for (named, addition), token in zip(additions, tokens, strict=True)
    ]


def _added(document: dict[str, Any], token: str) -> Added:
    stands = document["standing"]["event_id"] == token
    return Added(document, stands, stands and document["first_seen"] == document["standing"]["at"])
