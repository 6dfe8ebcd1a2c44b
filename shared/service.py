"""What a service's `create_app` returns: its routes, and a context that runs its roles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from fastapi import APIRouter
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase

from shared.auth import Authenticator
from shared.config_copy import ConfigCopy
from shared.contracts.entities import EntityChange, Kind
from shared.contracts.topics import CONFIG_CHANGES
from shared.kafka.batch import BatchConsumer, Handler, OnDead, R
from shared.kafka.connection import KafkaConnection
from shared.kafka.fetching import Fetching
from shared.loops import Loops
from shared.mongo.client import make_client, open_database
from shared.mongo.entities import Entities
from shared.mongo.entity_cache import EntityCache
from shared.settings import SharedSettings
from shared.telemetry.tracing import Tracing


@dataclass(frozen=True)
class Service:
    """A composed service. Nothing is connected until `run` is entered; `ready` answers for its readiness probe."""

    name: str
    routers: list[APIRouter]
    run: Callable[[], AbstractAsyncContextManager[None]]
    ready: Callable[[], Awaitable[bool]]


class Base:
    """The parts that every service is composed of, made but not connected.

    `owned` are the entity kinds that this service owns and publishes, `copied` those it keeps a copy of, `parts` the
    fields that are enough of some of these.
    """

    def __init__(
        self,
        name: str,
        settings: SharedSettings,
        roles: Collection[str],
        *,
        owned: Collection[Kind] = (),
        copied: Collection[Kind] = (),
        parts: Mapping[Kind, Collection[str]] | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.owned = tuple(owned)
        self.copied = tuple(copied)
        self.parts = dict(parts or {})
        self.tracing = Tracing(settings, name)
        # a request has nobody behind it who repeats what failed
        self.client: AsyncIOMotorClient = make_client(settings, retry_writes="http" in roles, measured_as=name)
        self.database: AsyncIOMotorDatabase = open_database(self.client, settings.database(name))
        self.content_database: AsyncIOMotorDatabase = open_database(self.client, settings.database("content"))
        self.entities = Entities(self.database)
        self.cache = EntityCache(self.entities)
        self.authenticator = Authenticator(self.cache, settings)
        self.kafka = KafkaConnection(settings, name, self.tracing)
        self.publisher = self.kafka.publisher

    def consume(
        self,
        name: str,
        decoders: Mapping[str, type[R]],
        handler: Handler[R],
        fetching: Fetching,
        on_dead: OnDead[R] | None = None,
    ) -> None:
        """Attaches a consumer group `<service>.<name>`; it starts with Kafka's connection."""
        self.kafka.attach(
            BatchConsumer(
                f"{self.name}.{name}",
                decoders,
                handler,
                settings=self.settings,
                publisher=self.publisher,
                tracing=self.tracing,
                fetching=fetching,
                on_dead=on_dead,
            )
        )

    def copy_configuration(self) -> None:
        """Attaches the consumer of `config.changes`; for the one role of a service that keeps its copy."""
        copy = ConfigCopy(self.entities, self.copied, self.parts)
        self.consume("config", {CONFIG_CHANGES: EntityChange}, copy.handle, Fetching.unhurried(self.settings))

    def publish_configuration(self, loops: Loops) -> None:
        """Sweeps unpublished entity versions, and publishes all of them at start and daily."""
        outboxes = [self.entities.outbox(kind, self.publisher) for kind in self.owned]

        async def sweep() -> int:
            return sum([await outbox.sweep() for outbox in outboxes])

        async def publish_all() -> None:
            await self.entities.mark_all_unpublished(self.owned)

        loops.every("entities.sweep", self.settings.sweep_seconds, sweep)
        loops.every("entities.publish-all", self.settings.entity_publish_hours * 3600, publish_all)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Loops]:
        """Connects, runs the loops until the block is left, and drains: consumers first, loops next, Kafka last."""
        try:
            async with self.kafka, Loops(self.settings.shutdown_seconds) as loops:
                loops.run("entities.watch", lambda: self.cache.watch(loops.stopping))
                try:
                    yield loops
                finally:
                    await self.kafka.stop_consuming()
        finally:
            # in a thread: others of the same process are still draining
            await asyncio.to_thread(self.tracing.shutdown)
            self.client.close()

    async def ready(self) -> bool:
        """MongoDB answers, and Kafka's consumers run."""
        await self.client.admin.command("ping")
        return self.kafka.ready or not self.kafka.consumers
