"""What transports say of their destinations: limits and sources, worked out once for each version."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from services.sender.destinations.name import Destination, parse
from services.sender.destinations.table import Limits, Table
from services.sender.destinations.warmup import Source, sources_of
from services.sender.destinations.warmups import Warmups
from shared.contracts.entities import Kind
from shared.mongo.entities import Entity
from shared.mongo.entity_cache import EntityCache

LARGEST = 10_000


class Ways:
    """The transports of this process's copy, with the provider table. `warmups` is told of every source."""

    def __init__(self, cache: EntityCache, table: Table, warmups: Warmups) -> None:
        self._cache = cache
        self._table = table
        self._warmups = warmups
        self._limits: dict[Destination, tuple[int, Limits]] = {}
        self._sources: dict[str, tuple[int, Mapping[str, Source]]] = {}

    async def limits(self, destinations: Collection[str]) -> dict[str, Limits]:
        """What each destination allows."""
        names = {destination: parse(destination) for destination in destinations}
        ways = await self._cache.many(Kind.TRANSPORT, {name.transport: 0 for name in names.values()})
        return {destination: self.limits_of(name, ways.get(name.transport)) for destination, name in names.items()}

    async def sources(self, transports: Collection[str]) -> dict[str, Mapping[str, Source]]:
        """The sources of each transport by their addresses."""
        ways = await self._cache.many(Kind.TRANSPORT, dict.fromkeys(transports, 0))
        return {id_: self.sources_of(way) for id_, way in ways.items()}

    def limits_of(self, destination: Destination, way: Entity | None) -> Limits:
        """What a destination allows by way of this version of its transport."""
        version = way.version if way else 0
        kept = self._limits.get(destination)
        if kept is None or kept[0] != version:
            if len(self._limits) >= LARGEST:
                self._limits.clear()
            shared = way is None or way.workspace_id is None
            found = self._table.limits(destination, way.data if way else {}, shared=shared)
            kept = self._limits[destination] = (version, found)
        return kept[1]

    def sources_of(self, way: Entity) -> Mapping[str, Source]:
        kept = self._sources.get(way.id)
        if kept is None or kept[0] != way.version:
            found = {source.address: source for source in sources_of(way.data)}
            self._warmups.know(found.values())
            kept = self._sources[way.id] = (way.version, found)
        return kept[1]
