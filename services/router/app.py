"""The router service: which way each message goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta

from services.router.api.explain import Explaining, explain_router
from services.router.api.health import HealthApi, health_router, platform_health_router
from services.router.api.platform import platform_router
from services.router.api.platform_routes import platform_routes_router
from services.router.api.replay import ReplayApi, replay_router
from services.router.api.routes import routes_router
from services.router.api.rule_sets import RuleSetApi
from services.router.api.transports import TransportApi, transports_router
from services.router.console.pages import RoutingConsole
from services.router.dns import MxCache
from services.router.erasing import nothing_kept, passing_the_erased
from services.router.handlers import Destinations, Routing
from services.router.health.role import HealthRoom
from services.router.replay.replaying import Replaying
from services.router.settings import Settings
from services.router.store.configurations import Configurations
from services.router.store.rule_sets import RuleSets
from services.router.store.transports import Transports
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
    """Composes the roles `http`, `route` (which also keeps and publishes the configuration) and `health`."""
    base = Base("router", settings, roles, owned=(Kind.TRANSPORT, Kind.ROUTE), copied=(Kind.WORKSPACE, Kind.API_KEY))
    transports = Transports(base.entities, base.publisher)
    cache = MxCache(make_resolver(settings.nameservers, settings.dns_timeout_seconds), settings.own_names)
    rule_sets = RuleSets(base.entities, base.publisher)
    configurations, destinations = Configurations(base.cache), Destinations(cache, settings)
    health = HealthRoom(base, settings)
    if "health" in roles:
        health.count()
    erasing, known = Erasing(base, nothing_kept), KnownErasures(base.database, settings.pepper_bytes)
    if "route" in roles:
        base.copy_configuration()
        look_again = timedelta(seconds=settings.held_look_seconds)
        for lane in Lane:
            routing = Routing(lane, configurations, destinations, health.view.current, base.publisher, look_again)
            fetching = Fetching.for_lane(settings, critical=lane is Lane.CRITICAL)
            topics = {accepted(lane): Message, due(lane): Message}
            handle = passing_the_erased(known, lane, base.publisher, routing.handle)
            base.consume(f"route.{lane}", topics, handle, fetching, stuck_event)
        erasing.attach()

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        try:
            async with base.running() as loops:
                if "health" in roles:
                    health.judge(loops)
                if "route" in roles or "http" in roles:
                    health.watch(loops)
                if "route" in roles:
                    loops.run("router.direct", transports.ensure_direct)
                    base.publish_configuration(loops)
                    erasing.start(loops)
                yield
        finally:
            await console.close()
            await cache.close()

    api, rules = TransportApi(transports, rule_sets, settings), RuleSetApi(rule_sets, transports)
    of_health = HealthApi(transports, health)
    explaining = Explaining(configurations, destinations, health.view.current, rules)
    replays = ReplayApi(Replaying(settings, configurations), rules)
    console = RoutingConsole(base, health, configurations, api, rules, of_health, explaining, replays)
    routers = [
        transports_router(base, api),
        platform_router(base, api),
        routes_router(base, rules),
        platform_routes_router(base, rules),
        explain_router(base, explaining),
        replay_router(base, replays),
        health_router(base, of_health),
        platform_health_router(base, of_health),
        *console.routers,
    ]
    return Service("router", routers if "http" in roles else [], run, base.ready)
