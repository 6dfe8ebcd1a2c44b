"""The suppression service: who must not be sent to, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from services.suppression.api.router import routers
from services.suppression.console.pages import console_routers
from services.suppression.erasing.parts import ErasingParts, learning_of_the_living
from services.suppression.erasing.router import erasing_routers
from services.suppression.erasing.store import ErasureStore
from services.suppression.handlers import Check, Learn
from services.suppression.settings import Settings
from services.suppression.store import Hits, Strikes, Suppressions
from shared.contracts.entities import Kind
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, Lane, routed
from shared.erasing import without_the_erased
from shared.kafka.fetching import Fetching
from shared.kafka.stuck import stuck_event
from shared.mongo.erasures import KnownErasures
from shared.service import Base, Service


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Composes the roles `http` and `check` (which also learns, keeps the configuration and sweeps)."""
    copied = (Kind.WORKSPACE, Kind.API_KEY, Kind.DOMAIN)
    base = Base("suppression", settings, roles, copied=copied, parts={Kind.DOMAIN: ("name",)})
    store = Suppressions(base.database, settings.pepper_bytes, settings.secret_box, base.publisher)
    erasures = ErasureStore(base.database, base.publisher)
    erasing = ErasingParts(base, settings, store, erasures)
    if "check" in roles:
        known = KnownErasures(base.database, settings.pepper_bytes)
        erasing.attach()
        base.copy_configuration()
        for lane in Lane:
            check = Check(lane, store, base.cache, base.publisher)
            fetching = Fetching.for_lane(settings, critical=lane is Lane.CRITICAL)
            handle = without_the_erased(known, check.handle)
            base.consume(f"check.{lane}", {routed(lane): Message}, handle, fetching, stuck_event)
        learn = Learn(store, Strikes(base.database, store, settings), Hits(base.database), settings)
        base.consume("learn", {EVENTS: Event}, learning_of_the_living(known, learn.handle), Fetching.behind(settings))

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with base.running() as loops:
            if "check" in roles:
                loops.every("suppressions.sweep", settings.sweep_seconds, store.outbox.sweep)
                erasing.start(loops)
            yield

    every = [
        *routers(base, store, settings),
        *erasing_routers(base, erasures, settings),
        *console_routers(base, store, erasures, settings),
    ]
    return Service("suppression", every if "http" in roles else [], run, base.ready)
