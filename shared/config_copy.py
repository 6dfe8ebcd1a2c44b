"""Keeps a service's copy of the entities that it needs, from `config.changes`."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from shared.contracts.entities import EntityChange, Kind
from shared.kafka.batch import Incoming
from shared.mongo.entities import Entities
from shared.telemetry import metrics


class ConfigCopy:
    """The handler of `config.changes`: keeps the kinds that the service reads and another one owns.

    Of a kind in `parts` it keeps these fields alone: a service has no use for the keys of domains whose names it reads.
    """

    def __init__(
        self, entities: Entities, kinds: Collection[Kind], parts: Mapping[Kind, Collection[str]] | None = None
    ) -> None:
        self._entities = entities
        self._kinds = frozenset(kinds)
        self._parts = parts or {}
        self._heard = time.time()
        metrics.ENTITY_AGE.set_function(lambda: time.time() - self._heard)

    async def handle(self, batch: list[Incoming[EntityChange]]) -> None:
        wanted = [self._kept(incoming.record) for incoming in batch if incoming.record.kind in self._kinds]
        if wanted:
            await self._entities.apply(wanted)
        self._heard = time.time()

    def _kept(self, change: EntityChange) -> EntityChange:
        fields = self._parts.get(change.kind)
        if fields is None:
            return change
        return change.with_changes(data={name: change.data[name] for name in fields if name in change.data})
