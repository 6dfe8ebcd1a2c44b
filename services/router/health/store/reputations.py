"""Reputations in `health_reputations`: one document for each sending domain that was ever complained of enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from services.router.health.standing import Reputation
from services.router.health.store.hours import Domain
from services.router.health.store.versions import replace_versions

COLLECTION = "health_reputations"
INDEXES: dict[str, tuple[IndexModel, ...]] = {
    COLLECTION: (IndexModel([("workspace_id", 1), ("domain", 1)]), IndexModel("state"))
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A domain's reputation since when, and the version that it was read in (0: there was none)."""

    domain: Domain
    state: Reputation = Reputation.GOOD
    since: datetime | None = None
    version: int = 0


class Reputations:
    """The reputations of all sending domains; one that is not there is good."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._reputations = database[COLLECTION]

    async def troubled(self) -> dict[Domain, Standing]:
        """Those that are not good."""
        return await self._find({"state": {"$ne": Reputation.GOOD}})

    async def of_domains(self, domains: Iterable[Domain]) -> dict[Domain, Standing]:
        wanted = [{"workspace_id": workspace, "domain": domain} for workspace, domain in domains]
        return await self._find({"$or": wanted}) if wanted else {}

    async def change(self, standings: Sequence[Standing]) -> list[Standing]:
        """Writes each over the version that it was decided from; returns those that were."""
        documents = [
            {
                "_id": " ".join(each.domain),
                "workspace_id": each.domain[0],
                "domain": each.domain[1],
                "state": str(each.state),
                "since": each.since,
                "version": each.version + 1,
            }
            for each in standings
        ]
        written = await replace_versions(self._reputations, documents)
        return [each for each, document in zip(standings, documents, strict=True) if document["_id"] in written]

    async def _find(self, condition: Mapping[str, Any]) -> dict[Domain, Standing]:
        found = {}
        async for document in self._reputations.find(condition):
            domain = (document["workspace_id"], document["domain"])
            found[domain] = Standing(domain, Reputation(document["state"]), document["since"], document["version"])
        return found
