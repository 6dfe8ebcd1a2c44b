"""The router's entities: transports and default routes, which it owns, and its copy of workspaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pymongo import IndexModel

from services.router.health.store import INDEXES as HEALTH
from services.router.rules import DIRECT, Configuration, Way
from services.router.rules import Kind as WayKind
from shared.contracts.entities import Kind, Transport
from shared.contracts.messages import Host, Message, TlsMode
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities, Entity
from shared.mongo.entity_cache import EntityCache

INDEXES: dict[str, tuple[IndexModel, ...]] = {Kind.ROUTE: (IndexModel("data.transports"),), **HEALTH}
DEFAULT_ORDER = (DIRECT,)


def way_of(entity: Entity) -> Way:
    transport = Transport(**entity.data)
    host = Host(name=transport.host, port=transport.port) if transport.host else None
    return Way(
        entity.id,
        entity.version,
        transport.name,
        cast(WayKind, transport.kind),
        TlsMode(transport.tls),
        transport.enabled,
        host,
    )


class Configurations:
    """What decisions are made from, out of the process's memory: at most three queries for a batch."""

    def __init__(self, cache: EntityCache) -> None:
        self._cache = cache

    async def of(self, messages: Sequence[Message]) -> dict[str, Configuration]:
        """The configuration of each workspace in the batch, by its id."""
        wanted: dict[str, int] = {}
        for message in messages:
            id_ = message.workspace_id
            wanted[id_] = max(wanted.get(id_, 0), message.versions.workspace)
        workspaces = await self._cache.many(Kind.WORKSPACE, wanted)
        routes = await self._cache.many(Kind.ROUTE, dict.fromkeys(wanted, 0))
        orders = {id_: order_of(routes.get(id_)) for id_ in wanted}
        named = {transport for order in orders.values() for transport in order}
        entities = await self._cache.many(Kind.TRANSPORT, dict.fromkeys(named, 0))
        ways = {id_: (entity.workspace_id, way_of(entity)) for id_, entity in entities.items()}
        return {
            id_: Configuration(
                workspace_version=workspaces[id_].version if id_ in workspaces else 0,
                order=orders[id_],
                route_version=routes[id_].version if id_ in routes else 0,
                ways={each: ways[each][1] for each in orders[id_] if each in ways and ways[each][0] in (None, id_)},
            )
            for id_ in wanted
        }


class Transports:
    """Transports and default routes as their owner writes them. `workspace_id` None is the platform."""

    def __init__(self, entities: Entities, publisher: Publisher) -> None:
        self._entities = entities
        self._outboxes = {kind: entities.outbox(kind, publisher) for kind in (Kind.TRANSPORT, Kind.ROUTE)}

    async def ensure_direct(self) -> None:
        """Makes the platform's own way to the recipients' MX hosts, once; raises PublishUnknownError."""
        document = await self._entities.database[Kind.TRANSPORT].find_one({"_id": DIRECT})
        if document is None:
            made = Transport(name="Direct", kind="direct")
            document = await self._entities.put(Kind.TRANSPORT, DIRECT, None, made.model_dump(mode="json"))
        await self._outboxes[Kind.TRANSPORT].publish([document])

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
        return await self._write(Kind.TRANSPORT, id_, owner, data, expected=expected, deleted=deleted)

    async def is_routed(self, id_: str, workspace_id: str | None) -> bool:
        """Whether the workspace's default route names the transport; of a shared one, whether anybody's does."""
        condition: dict[str, Any] = {"data.transports": id_}
        if workspace_id is not None:
            condition["_id"] = workspace_id
        return bool(await self._entities.find(Kind.ROUTE, condition, 1))

    async def route(self, workspace_id: str) -> Entity | None:
        return await self._entities.get(Kind.ROUTE, workspace_id)

    async def put_route(self, workspace_id: str, data: Mapping[str, Any]) -> Entity:
        return await self._write(Kind.ROUTE, workspace_id, workspace_id, data)

    async def _write(self, kind: Kind, id_: str, owner: str | None, data: Mapping[str, Any], **options: Any) -> Entity:
        document = await self._entities.put(kind, id_, owner, data, **options)
        await self._outboxes[kind].offer([document])
        return Entity.of(kind, document)


def order_of(route: Entity | None) -> Sequence[str]:
    """A workspace's transports in failover order: its default route's, else the platform's own."""
    return route.data["transports"] if route and not route.deleted else DEFAULT_ORDER
