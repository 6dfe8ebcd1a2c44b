"""Rule sets as their owner writes them: one entity for each workspace under its id, and one for the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import IndexModel

from services.router.routes.matching import PLATFORM
from services.router.routes.model import RuleSet, read_set
from shared.contracts.entities import Kind
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities, Entity

INDEXES: dict[str, tuple[IndexModel, ...]] = {Kind.ROUTE: (IndexModel("data.transports"), IndexModel("data.uses"))}


class RuleSets:
    """`owner` is a workspace's id, or None for the platform."""

    def __init__(self, entities: Entities, publisher: Publisher) -> None:
        self._entities = entities
        self._outbox = entities.outbox(Kind.ROUTE, publisher)

    async def get(self, owner: str | None) -> tuple[RuleSet, int]:
        """The owner's set and its version: an empty set of version 0 where none was ever written."""
        entity = await self._entities.get(Kind.ROUTE, id_of(owner))
        return (set_of(entity), entity.version) if entity else (RuleSet(), 0)

    async def put(self, owner: str | None, wanted: RuleSet, expected: int | None) -> int:
        """Writes the next version and publishes it; raises VersionConflictError where another one than `expected` is
        there by now."""
        document = await self._entities.put(Kind.ROUTE, id_of(owner), owner, wanted.to_data(), expected=expected)
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
