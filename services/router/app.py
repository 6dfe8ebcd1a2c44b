"""The router service: which way each message goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta

from services.router.api.explain import Explaining, explain_router
from services.router.api.platform import platform_router
from services.router.api.platform_routes import platform_routes_router
from services.router.api.routes import routes_router
from services.router.api.rule_sets import RuleSetApi
from services.router.api.transports import TransportApi, transports_router
from services.router.dns import MxCache
from services.router.handlers import Destinations, Routing
from services.router.health import Health
from services.router.settings import Settings
from services.router.store.configurations import Configurations
from services.router.store.rule_sets import RuleSets
from services.router.store.transports import Transports
from shared.contracts.entities import Kind
from shared.contracts.messages import Message
from shared.contracts.topics import Lane, accepted, due
from shared.dns import make_resolver
from shared.kafka.fetching import Fetching
from shared.kafka.stuck import stuck_event
from shared.service import Base, Service


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Composes the roles `http` and `route` (which also keeps and publishes the configuration)."""
    base = Base("router", settings, roles, owned=(Kind.TRANSPORT, Kind.ROUTE), copied=(Kind.WORKSPACE, Kind.API_KEY))
    transports = Transports(base.entities, base.publisher)
    cache = MxCache(make_resolver(settings.nameservers, settings.dns_timeout_seconds), settings.own_names)
    rule_sets = RuleSets(base.entities, base.publisher)
    configurations, destinations = Configurations(base.cache), Destinations(cache, settings)
    health = Health  # nothing is measured yet: all is well
    if "route" in roles:
        base.copy_configuration()
        look_again = timedelta(seconds=settings.held_look_seconds)
        for lane in Lane:
            routing = Routing(lane, configurations, destinations, health, base.publisher, look_again)
            fetching = Fetching.for_lane(settings, critical=lane is Lane.CRITICAL)
            topics = {accepted(lane): Message, due(lane): Message}
            base.consume(f"route.{lane}", topics, routing.handle, fetching, stuck_event)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        try:
            async with base.running() as loops:
                if "route" in roles:
                    loops.run("router.direct", transports.ensure_direct)
                    base.publish_configuration(loops)
                yield
        finally:
            await cache.close()

    api, rules = TransportApi(transports, rule_sets, settings), RuleSetApi(rule_sets, transports)
    routers = [
        transports_router(base, api),
        platform_router(base, api),
        routes_router(base, rules),
        platform_routes_router(base, rules),
        explain_router(base, Explaining(configurations, destinations, health, rules)),
    ]
    return Service("router", routers if "http" in roles else [], run, base.ready)
