"""Endpoints in trouble: one small document for each that fails, is to be left alone, or is being disabled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from services.webhooks.failing import Failing

TROUBLES = "troubles"
KEPT_SECONDS = 30 * 24 * 3600
INTERRUPTED = timedelta(seconds=10)

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    TROUBLES: (
        IndexModel("changed_at", expireAfterSeconds=KEPT_SECONDS),
        IndexModel("disabling.at", sparse=True),
    )
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What every process needs to know of an endpoint in trouble; `held_until` is when it may be posted to again,
    `lifted_at` when its owner last wanted everything forgotten that was known of it."""

    failing: Failing | None = None
    held_until: datetime | None = None
    lifted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Disabling:
    """An endpoint's end under way: of which version, why, and what is told of it."""

    endpoint_id: str
    version: int
    reason: str
    at: datetime
    failing_since: datetime | None = None


class Troubles:
    """The documents. Most endpoints have none, so reading all of them is cheap."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._troubles = database[TROUBLES]

    async def all(self) -> dict[str, Trouble]:
        """By endpoint."""
        return {document["_id"]: _trouble(document) async for document in self._troubles.find()}

    async def of(self, endpoint_ids: Collection[str]) -> dict[str, Trouble]:
        """Those of some endpoints, by endpoint."""
        found = self._troubles.find({"_id": {"$in": list(endpoint_ids)}})
        return {document["_id"]: _trouble(document) async for document in found}

    async def hold(self, endpoint_id: str, until: datetime) -> None:
        """Tells the other processes; a later end that is there already stays."""
        await self._set(endpoint_id, {"$max": {"held_until": until}})

    async def set_failing(self, endpoint_id: str, known: Failing | None, new: Failing) -> bool:
        """Remembers what has changed; False where another process has changed it since it was read."""
        known_or_none = _document(known) if known else {"$exists": False}
        change = {"$set": {"failing": _document(new), "changed_at": datetime.now(UTC)}}
        try:
            written = await self._troubles.update_one(
                {"_id": endpoint_id, "failing": known_or_none}, change, upsert=known is None
            )
        except DuplicateKeyError:
            return False
        return bool(written.matched_count or written.upserted_id)

    async def is_failing(self, endpoint_id: str, known: Failing) -> bool:
        """Whether that is still what is remembered."""
        return await self._troubles.find_one({"_id": endpoint_id, "failing": _document(known)}) is not None

    async def recovered(self, endpoint_id: str) -> None:
        """Forgets the failures."""
        await self._troubles.update_one({"_id": endpoint_id}, {"$unset": {"failing": ""}})

    async def lift(self, endpoint_id: str) -> None:
        """Forgets everything, and marks that for the processes, whose own memory knows more than stands here."""
        now = datetime.now(UTC)
        change = {
            "$set": {"lifted_at": now, "changed_at": now},
            "$unset": {"failing": "", "held_until": "", "disabling": ""},
        }
        await self._troubles.update_one({"_id": endpoint_id}, change, upsert=True)

    async def forget(self, endpoint_id: str) -> None:
        """For an endpoint that is no more."""
        await self._troubles.delete_one({"_id": endpoint_id})

    async def begin_disabling(self, disabling: Disabling) -> bool:
        """Marks an endpoint's end, so that it is completed though this process should die; False where it is marked."""
        mark = {
            "version": disabling.version,
            "reason": disabling.reason,
            "at": disabling.at,
            "failing_since": disabling.failing_since,
        }
        try:
            marked = await self._troubles.update_one(
                {"_id": disabling.endpoint_id, "disabling": {"$exists": False}},
                {"$set": {"disabling": mark, "changed_at": disabling.at}},
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return bool(marked.matched_count or marked.upserted_id)

    async def interrupted(self, now: datetime) -> list[Disabling]:
        """The ends that nobody has completed."""
        found = self._troubles.find({"disabling.at": {"$lt": now - INTERRUPTED}})
        return [Disabling(document["_id"], **document["disabling"]) async for document in found]

    async def end_disabling(self, disabling: Disabling) -> None:
        """The end is complete, and all that was known with it over; nothing where the endpoint was lifted meanwhile."""
        await self._troubles.delete_one({"_id": disabling.endpoint_id, "disabling.version": disabling.version})

    async def abandon_disabling(self, disabling: Disabling) -> None:
        """Takes the mark away."""
        await self._troubles.update_one(
            {"_id": disabling.endpoint_id, "disabling.version": disabling.version}, {"$unset": {"disabling": ""}}
        )

    async def _set(self, endpoint_id: str, change: dict[str, Any]) -> None:
        change["$set"] = {"changed_at": datetime.now(UTC)}
        await self._troubles.update_one({"_id": endpoint_id}, change, upsert=True)


def _trouble(document: Mapping[str, Any]) -> Trouble:
    failing = document.get("failing")
    return Trouble(Failing(**failing) if failing else None, document.get("held_until"), document.get("lifted_at"))


def _document(failing: Failing) -> dict[str, Any]:
    return {"first_at": failing.first_at, "failures": failing.failures, "since": failing.since}
