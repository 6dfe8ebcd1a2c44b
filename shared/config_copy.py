"""Keeps a service's copy of the entities that it needs, from `config.changes`."""

from __future__ import annotations

import time
from collections.abc import Collection

from shared.contracts.entities import EntityChange, Kind
from shared.contracts.topics import CONFIG_CHANGES
from shared.kafka.batch import BatchConsumer, Fetching, Incoming
from shared.kafka.publish import Publisher
from shared.mongo.entities import Entities
from shared.settings import SharedSettings
from shared.telemetry import metrics
from shared.telemetry.tracing import Tracing


class ConfigCopy:
    """The handler of `config.changes`: keeps the kinds that the service reads and another one owns."""

    def __init__(self, entities: Entities, kinds: Collection[Kind]) -> None:
        self._entities = entities
        self._kinds = frozenset(kinds)
        self._heard = time.time()
        metrics.ENTITY_AGE.set_function(lambda: time.time() - self._heard)

    async def handle(self, batch: list[Incoming[EntityChange]]) -> None:
        wanted = [incoming.record for incoming in batch if incoming.record.kind in self._kinds]
        if wanted:
            await self._entities.apply(wanted)
        self._heard = time.time()


def config_consumer(
    service: str, copy: ConfigCopy, settings: SharedSettings, publisher: Publisher, tracing: Tracing
) -> BatchConsumer[EntityChange]:
    return BatchConsumer(
        f"{service}.config",
        {CONFIG_CHANGES: EntityChange},
        copy.handle,
        settings=settings,
        publisher=publisher,
        tracing=tracing,
        fetching=Fetching.unhurried(settings),
    )
