"""Rule sets as their owner writes them: one entity for each workspace under its id, and one for the platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from pymongo import IndexModel

from services.router.routes.matching import PLATFORM
from services.router.routes.model import RuleSet, read_set
from shared.contracts.entities import Kind
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities, Entity

INDEXES: dict[str, tuple[IndexModel, ...]] = {Kind.ROUTE: (IndexModel("data.transports"), IndexModel("data.uses"))}


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes a set: a key, or a session of the console, by the id and the name that it had then; the operator has
    neither."""

    kind: Literal["api_key", "operator"]
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class LastChange:
    """When a set was written last, and by whom: None where it was not written down yet who that is."""

    at: datetime
    by: Author | None


class RuleSets:
    """`owner` is a workspace's id, or None for the platform."""

    def __init__(self, entities: Entities, publisher: Publisher) -> None:
        self._entities = entities
        self._outbox = entities.outbox(Kind.ROUTE, publisher)

    async def get(self, owner: str | None) -> tuple[RuleSet, int]:
        """The owner's set and its version: an empty set of version 0 where none was ever written."""
        entity = await self._entities.get(Kind.ROUTE, id_of(owner))
        return (set_of(entity), entity.version) if entity else (RuleSet(), 0)

    async def last_change(self, owner: str | None) -> LastChange | None:
        """None where nothing was ever written."""
        wanted = {"changed_at": 1, "data.changed_by": 1}
        document = await self._entities.database[Kind.ROUTE].find_one({"_id": id_of(owner)}, wanted)
        if document is None:
            return None
        by = document.get("data", {}).get("changed_by")
        return LastChange(document["changed_at"], Author(**by) if by else None)

    async def put(self, owner: str | None, wanted: RuleSet, expected: int | None, by: Author) -> int:
        """Writes the next version and publishes it; raises VersionConflictError where another one than `expected` is
        there by now."""
        data = {**wanted.to_data(), "changed_by": asdict(by)}
        document = await self._entities.put(Kind.ROUTE, id_of(owner), owner, data, expected=expected)
        await self._outbox.offer([document])
        return int(document["version"])

    async def name(self, transport: str, owner: str | None) -> bool:
        """Whether the workspace's set names a transport of its own; of a shared one, whether anybody's does."""
        condition: Mapping[str, Any] = {"$or": [{"data.transports": transport}, {"data.uses": transport}]}
        own = {} if owner is None else {"_id": owner}
        return bool(await self._entities.find(Kind.ROUTE, {**condition, **own}, 1))


def id_of(owner: str | None) -> str:
    return PLATFORM if owner is None else owner


def set_of(entity: Entity) -> RuleSet:
    return RuleSet() if entity.deleted else read_set(entity.data)
