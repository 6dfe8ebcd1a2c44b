"""The router service: which way each message goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from services.router.api.platform import platform_router
from services.router.api.routes import routes_router
from services.router.api.transports import TransportApi, transports_router
from services.router.dns import MxCache
from services.router.erasing import nothing_kept, passing_the_erased
from services.router.handlers import Destinations, Routing
from services.router.settings import Settings
from services.router.store import Configurations, Transports
from shared.contracts.entities import Kind
from shared.contracts.messages import Message
from shared.contracts.topics import Lane, accepted, due
from shared.dns import make_resolver
from shared.erasing import Erasing
from shared.kafka.fetching import Fetching
from shared.kafka.stuck import stuck_event
from shared.mongo.erasures import KnownErasures
from shared.service import Base, Service


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Composes the roles `http` and `route` (which also keeps and publishes the configuration)."""
    base = Base("router", settings, roles, owned=(Kind.TRANSPORT, Kind.ROUTE), copied=(Kind.WORKSPACE, Kind.API_KEY))
    transports = Transports(base.entities, base.publisher)
    cache = MxCache(make_resolver(settings.nameservers, settings.dns_timeout_seconds), settings.own_names)
    erasing, known = Erasing(base, nothing_kept), KnownErasures(base.database, settings.pepper_bytes)
    if "route" in roles:
        base.copy_configuration()
        destinations = Destinations(cache, settings)
        for lane in Lane:
            routing = Routing(lane, Configurations(base.cache), destinations, base.publisher)
            fetching = Fetching.for_lane(settings, critical=lane is Lane.CRITICAL)
            topics = {accepted(lane): Message, due(lane): Message}
            handle = passing_the_erased(known, lane, base.publisher, routing.handle)
            base.consume(f"route.{lane}", topics, handle, fetching, stuck_event)
        erasing.attach()

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        try:
            async with base.running() as loops:
                if "route" in roles:
                    loops.run("router.direct", transports.ensure_direct)
                    base.publish_configuration(loops)
                    erasing.start(loops)
                yield
        finally:
            await cache.close()

    api = TransportApi(transports, settings)
    routers = [transports_router(base, api), platform_router(base, api), routes_router(base, transports)]
    return Service("router", routers if "http" in roles else [], run, base.ready)
