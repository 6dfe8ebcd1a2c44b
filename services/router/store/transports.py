"""Transports as their owner writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.router.routes.configuration import DIRECT
from shared.contracts.entities import Kind, Transport
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities, Entity


class Transports:
    """The transports of workspaces, and the shared ones, whose `workspace_id` is None."""

    def __init__(self, entities: Entities, publisher: Publisher) -> None:
        self._entities = entities
        self._outbox = entities.outbox(Kind.TRANSPORT, publisher)

    async def ensure_direct(self) -> None:
        """Makes the platform's own way to the recipients' MX hosts, once; raises PublishUnknownError."""
        document = await self._entities.database[Kind.TRANSPORT].find_one({"_id": DIRECT})
        if document is None:
            made = Transport(name="Direct", kind="direct")
            document = await self._entities.put(Kind.TRANSPORT, DIRECT, None, made.model_dump(mode="json"))
        await self._outbox.publish([document])

    async def page(self, owners: Sequence[str | None], after: str | None, limit: int) -> list[Entity]:
        """The living transports of the owners, oldest first, behind the id `after`."""
        condition: dict[str, Any] = {"workspace_id": {"$in": list(owners)}}
        if after is not None:
            condition["_id"] = {"$gt": after}
        return await self._entities.find(Kind.TRANSPORT, condition, limit)

    async def find(self, owners: Sequence[str | None], ids: Sequence[str]) -> dict[str, Entity]:
        """Those of the ids that are living transports of the owners."""
        condition = {"_id": {"$in": list(ids)}, "workspace_id": {"$in": list(owners)}}
        return {entity.id: entity for entity in await self._entities.find(Kind.TRANSPORT, condition)}

    async def sources_elsewhere(self, id_: str, addresses: Sequence[str]) -> set[str]:
        """Those of the addresses that another living transport dials from."""
        condition = {"_id": {"$ne": id_}, "data.sources.address": {"$in": list(addresses)}}
        found = await self._entities.find(Kind.TRANSPORT, condition)
        return {each["address"] for entity in found for each in entity.data["sources"]} & {*addresses}

    async def put(
        self,
        id_: str,
        owner: str | None,
        data: Mapping[str, Any],
        *,
        expected: int | None = None,
        deleted: bool = False,
    ) -> Entity:
        """Writes the next version and publishes it; raises VersionConflictError."""
        document = await self._entities.put(Kind.TRANSPORT, id_, owner, data, expected=expected, deleted=deleted)
        await self._outbox.offer([document])
        return Entity.of(Kind.TRANSPORT, document)
