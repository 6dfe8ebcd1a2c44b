"""The `sts_policies` collection: MTA-STS policies that were fetched, so that a restart forgets none (RFC 8461
section 5.1).

`{_id: domain, id, mode, mx, max_age, expires_at, refresh_at, used_at}`; one that has ended is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.sender.tls.sts import StsMode, StsPolicy
from shared.mongo.due import claim

COLLECTION = "sts_policies"
INDEXES = {COLLECTION: (IndexModel("expires_at", expireAfterSeconds=0), IndexModel("refresh_at"))}

REFRESH_EVERY = timedelta(days=1)
REFRESH_AGAIN = timedelta(hours=1)
UNUSED = timedelta(days=30)
BATCH = 20


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A policy with the `id` of the record it was fetched for."""

    id: str
    policy: StsPolicy
    expires_at: datetime
    used_at: datetime


class StsPolicyStore:
    """What all sender processes know of domains' policies."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._collection = database[COLLECTION]

    async def find(self, domain: str, now: datetime) -> KeptPolicy | None:
        """The domain's policy where it has not ended."""
        document = await self._collection.find_one({"_id": domain, "expires_at": {"$gt": now}})
        return _read(document) if document else None

    async def save(self, domain: str, id_: str, policy: StsPolicy, now: datetime, used_at: datetime) -> None:
        """Keeps a policy that was fetched now; it is fetched again before it ends, while the domain gets mail."""
        age = timedelta(seconds=policy.max_age)
        document = {
            "id": id_,
            "mode": str(policy.mode),
            "mx": list(policy.mx),
            "max_age": policy.max_age,
            "expires_at": now + age,
            "refresh_at": now + min(age / 2, REFRESH_EVERY),
            "used_at": used_at,
        }
        await self._collection.replace_one({"_id": domain}, document, upsert=True)

    async def use(self, domain: str, now: datetime) -> None:
        """Notes that mail goes to the domain."""
        await self._collection.update_one({"_id": domain}, {"$max": {"used_at": now}})

    async def due(self, now: datetime) -> dict[str, KeptPolicy]:
        """Some policies that are to be fetched again, each for one process at a time."""
        condition: dict[str, Any] = {"refresh_at": {"$lte": now}, "used_at": {"$gt": now - UNUSED}}
        found = await self._collection.find(condition, {"_id": 1}).limit(BATCH).to_list(BATCH)
        claimed = await claim(
            self._collection,
            [document["_id"] for document in found],
            condition,
            REFRESH_AGAIN.total_seconds(),
            {"refresh_at": now + REFRESH_AGAIN},
        )
        return {document["_id"]: _read(document) for document in claimed}


def _read(document: Mapping[str, Any]) -> KeptPolicy:
    policy = StsPolicy(StsMode(document["mode"]), tuple(document["mx"]), document["max_age"])
    return KeptPolicy(document["id"], policy, document["expires_at"], document["used_at"])
