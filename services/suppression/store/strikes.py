"""The `strikes` collection: messages that ended by what says little once, until they count no more.

`{_id: event id, key: "<place>:<address HMAC>", workspace_id, address_hmac, kind, message_id, at, evidence,
expires_at}`: no address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.suppression.rules import Lesson, Strike, StrikeKind, soft_lessons
from services.suppression.rules.lessons import remembered_for
from services.suppression.rules.reasons import Reason
from services.suppression.settings import Settings
from services.suppression.store.entries import Suppressions
from shared.mongo.group_commit import insert_group

COLLECTION = "strikes"
NEWEST = 20
INDEXES = {
    COLLECTION: (
        IndexModel([("key", ASCENDING), ("kind", ASCENDING), ("at", DESCENDING)]),
        IndexModel("address_hmac"),
        IndexModel("expires_at", expireAfterSeconds=0),
    )
}


class Strikes:
    """Counts strikes. Taking one twice, or in another order, changes nothing."""

    def __init__(self, database: AsyncIOMotorDatabase, suppressions: Suppressions, settings: Settings) -> None:
        self._strikes = database[COLLECTION]
        self._suppressions = suppressions
        self._settings = settings

    async def take(self, strikes: Sequence[Strike]) -> list[Lesson]:
        """Notes strikes, in one write; returns what they come to with those before them.

        What occurred before an entry's removal does not count, and of who was erased nothing is noted.
        """
        naming = self._suppressions.naming
        keys = {strike.event_id: naming.key(strike.place, strike.address) for strike in strikes}
        known = await self._suppressions.documents(set(keys.values()))
        erased = {key for key, each in known.items() if each.get("standing", {}).get("reason") == Reason.ERASURE}
        noted = [strike for strike in strikes if keys[strike.event_id] not in erased]
        if not noted:
            return []
        await insert_group(self._strikes, [self._document(keys[each.event_id], each) for each in noted])
        removed = {key: each["removed_at"] for key, each in known.items() if "removed_at" in each}
        owners = {keys[strike.event_id]: strike for strike in noted}
        found = await self._newest(owners, removed)
        return [lesson for same in found.values() for lesson in soft_lessons(same, self._settings)]

    async def _newest(self, owners: Mapping[str, Strike], removed: Mapping[str, datetime]) -> dict[str, list[Strike]]:
        """The newest strikes of each address (by its key), after its removal."""
        found: defaultdict[str, list[Strike]] = defaultdict(list)
        query: list[dict[str, Any]] = [
            {"$match": {"key": {"$in": list(owners)}}},
            {"$group": {
                "_id": {"key": "$key", "kind": "$kind"},
                "newest": {"$topN": {"n": NEWEST, "sortBy": {"at": -1, "_id": -1}, "output": "$$ROOT"}},
            }},
        ]  # fmt: skip
        async for group in self._strikes.aggregate(query):
            for each in group["newest"]:
                key = each["key"]
                if key not in removed or each["at"] > removed[key]:
                    found[key].append(_strike_of(each, owners[key]))
        return found

    def _document(self, key: str, strike: Strike) -> dict[str, Any]:
        return {
            "_id": strike.event_id,
            "key": key,
            "workspace_id": strike.place.workspace_id,
            "address_hmac": key.rpartition(":")[2],
            "kind": str(strike.kind),
            "message_id": strike.message_id,
            "at": strike.occurred_at,
            "evidence": strike.evidence,
            "expires_at": strike.occurred_at + remembered_for(strike.kind, self._settings),
        }


def _strike_of(document: Mapping[str, Any], owner: Strike) -> Strike:
    """A noted strike; whose it is says one of the same address."""
    return Strike(
        owner.place,
        owner.address,
        StrikeKind(document["kind"]),
        document["message_id"],
        document["at"],
        document["_id"],
        document["evidence"],
    )
