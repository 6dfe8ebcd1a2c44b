"""What decisions are made from, out of the process's memory: at most three queries for a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar, cast

from services.router.routes.configuration import LAST_ORDER, Configuration, Way
from services.router.routes.configuration import Kind as WayKind
from services.router.routes.matching import PLATFORM, WORKSPACE, Rules, compile_set
from services.router.store.rule_sets import set_of
from shared.contracts.entities import Kind, Transport
from shared.contracts.messages import Host, Message, TlsMode
from shared.mongo.entities import Entity
from shared.mongo.entity_cache import EntityCache

MOST_MADE = 20_000
NOTHING = Rules()
T = TypeVar("T")


class Made(Generic[T]):
    """What is made of entities, once for each that the cache remembers."""

    def __init__(self, make: Callable[[Entity], T]) -> None:
        self._make = make
        self._made: dict[str, tuple[Entity, T]] = {}

    def of(self, entity: Entity) -> T:
        known = self._made.get(entity.id)
        if known is None or known[0] is not entity:
            if len(self._made) >= MOST_MADE:
                self._made.clear()
            known = self._made[entity.id] = entity, self._make(entity)
        return known[1]


class Configurations:
    """Workspaces with the rules that hold for them and the transports that these name."""

    def __init__(self, cache: EntityCache) -> None:
        self._cache = cache
        self._rules: Made[Rules] = Made(rules_of)
        self._ways: Made[Way] = Made(way_of)

    async def of(self, messages: Sequence[Message]) -> dict[str, Configuration]:
        """The configuration of each workspace in the batch, by its id."""
        wanted: dict[str, int] = {}
        for message in messages:
            id_ = message.workspace_id
            wanted[id_] = max(wanted.get(id_, 0), message.versions.workspace)
        return await self.of_workspaces(wanted)

    async def of_workspaces(
        self, wanted: Mapping[str, int], drafts: Mapping[str, Rules] | None = None
    ) -> dict[str, Configuration]:
        """The configuration of each workspace (id to the least version that its copy must have).

        `drafts`, by a workspace's id or `platform`, stand in for the rules that are stored.
        """
        workspaces = await self._cache.many(Kind.WORKSPACE, dict(wanted))
        sets = await self._cache.many(Kind.ROUTE, dict.fromkeys((*wanted, PLATFORM), 0))
        rules = {id_: self._rules.of(entity) for id_, entity in sets.items()} | dict(drafts or {})
        platform = rules.get(PLATFORM, NOTHING)
        uses = {id_: _uses(rules.get(id_, NOTHING), platform) for id_ in wanted}
        named = dict.fromkeys((id_ for some in uses.values() for id_ in some), 0)
        transports = await self._cache.many(Kind.TRANSPORT, named)
        return {
            id_: Configuration(
                workspace_version=workspaces[id_].version if id_ in workspaces else 0,
                ways={
                    each: self._ways.of(transports[each])
                    for each in uses[id_]
                    if each in transports and transports[each].workspace_id in (None, id_)
                },
                workspace=rules.get(id_, NOTHING),
                platform=platform,
            )
            for id_ in wanted
        }


def rules_of(entity: Entity) -> Rules:
    owner = PLATFORM if entity.workspace_id is None else WORKSPACE
    return compile_set(owner, entity.version, set_of(entity))


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
        transport.weight,
    )


def _uses(workspace: Rules, platform: Rules) -> Iterable[str]:
    """The transports that a message of the workspace may come to."""
    order = () if workspace.order or platform.order else LAST_ORDER
    return workspace.uses | platform.uses | {*order}
