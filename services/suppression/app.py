"""The suppression service: who must not be sent to, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from services.suppression.api import SuppressionApi, platform_router, workspace_router
from services.suppression.handlers import Check, Learn
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.contracts.entities import Kind
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, Lane, routed
from shared.kafka.fetching import Fetching
from shared.kafka.stuck import stuck_event
from shared.secrets import SecretBox
from shared.service import Base, Service


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Composes the roles `http` and `check` (which also learns, keeps the configuration and sweeps)."""
    base = Base("suppression", settings, roles, copied=(Kind.WORKSPACE, Kind.API_KEY))
    store = Suppressions(base.database, settings.pepper_bytes, SecretBox(settings.encryption_key_bytes), base.publisher)
    if "check" in roles:
        base.copy_configuration()
        for lane in Lane:
            check = Check(lane, store, base.publisher)
            fetching = Fetching.for_lane(settings, critical=lane is Lane.CRITICAL)
            base.consume(f"check.{lane}", {routed(lane): Message}, check.handle, fetching, stuck_event)
        base.consume("learn", {EVENTS: Event}, Learn(store, settings).handle, Fetching.behind(settings))

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with base.running() as loops:
            if "check" in roles:
                loops.every("suppressions.sweep", settings.sweep_seconds, store.outbox.sweep)
            yield

    api = SuppressionApi(store, settings)
    routers = [workspace_router(base, api), platform_router(base, api)] if "http" in roles else []
    return Service("suppression", routers, run, base.ready)
