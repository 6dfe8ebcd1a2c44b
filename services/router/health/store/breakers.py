"""Breakers in `health_breakers`: one document for each that was ever open, changed by compare-and-set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.router.health.breaker import FORGOTTEN, Breaker, Key, Tally
from services.router.health.standing import State
from services.router.health.store.versions import replace_versions

COLLECTION = "health_breakers"
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (IndexModel("expires_at", expireAfterSeconds=0), IndexModel("transport"), IndexModel("state"))
}


class Breakers:
    """All breakers that there are; one that is not there is closed."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._breakers = database[COLLECTION]

    async def all(self) -> dict[Key, Breaker]:
        return await self._find({})

    async def troubled(self) -> dict[Key, Breaker]:
        """Those that are not closed."""
        return await self._find({"state": {"$ne": State.CLOSED}})

    async def of_transport(self, transport: str) -> dict[Key, Breaker]:
        return await self._find({"transport": transport})

    async def of_transports(self, transports: Collection[str]) -> dict[Key, Breaker]:
        return await self._find({"transport": {"$in": [*transports]}})

    async def change(self, breakers: Sequence[Breaker]) -> list[Breaker]:
        """Writes each where it is still of its version; returns those that were, in their new version."""
        documents = [_document(breaker) for breaker in breakers]
        written = await replace_versions(self._breakers, documents)
        return [
            replace(breaker, version=document["version"])
            for breaker, document in zip(breakers, documents, strict=True)
            if document["_id"] in written
        ]

    async def _find(self, condition: Mapping[str, Any]) -> dict[Key, Breaker]:
        found = [_breaker(document) async for document in self._breakers.find(condition)]
        return {breaker.key: breaker for breaker in found}


def _document(breaker: Breaker) -> dict[str, Any]:
    transport, rollup = breaker.key
    closed_at = breaker.since if breaker.state is State.CLOSED else None
    return {
        "_id": transport if rollup is None else f"{transport} {rollup}",
        "transport": transport,
        "rollup": rollup,
        "state": str(breaker.state),
        "since": breaker.since,
        "until": breaker.until,
        "openings": breaker.openings,
        "why": breaker.why,
        "by": breaker.by,
        "attempts": breaker.tally.attempts,
        "troubled": breaker.tally.troubled,
        "cut_off": list(breaker.tally.cut_off),
        "version": breaker.version + 1,
        "expires_at": closed_at + FORGOTTEN if closed_at is not None else None,
    }


def _breaker(document: Mapping[str, Any]) -> Breaker:
    return Breaker(
        key=(document["transport"], document["rollup"]),
        state=State(document["state"]),
        since=document["since"],
        until=document["until"],
        openings=document["openings"],
        why=document["why"],
        by=document["by"],
        tally=Tally(document["attempts"], document["troubled"], cut_off=tuple(document["cut_off"])),
        version=document["version"],
    )
