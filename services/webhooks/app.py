"""The composition root of the webhooks service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

from services.webhooks.api.router import actions_of, create_router, url_rules
from services.webhooks.attempt_log import AttemptLog
from services.webhooks.breaker import BreakerPolicy
from services.webhooks.census import CENSUS_SECONDS, Census
from services.webhooks.console.pages import console_routers
from services.webhooks.delivery import Delivery
from services.webhooks.disabling import Disabler
from services.webhooks.dispatch import Dispatcher
from services.webhooks.endpoints import Endpoints
from services.webhooks.erasing import WebhookErasing
from services.webhooks.failing import FailingPolicy
from services.webhooks.handlers import EventsHandler
from services.webhooks.health import EndpointHealth
from services.webhooks.http import Poster
from services.webhooks.lanes import Lanes
from services.webhooks.names import Names
from services.webhooks.outcomes import RetrySchedule
from services.webhooks.people import webhooks_people
from services.webhooks.sealing import Seals
from services.webhooks.settings import Settings
from services.webhooks.store.jobs import Jobs
from services.webhooks.store.stores import open_stores
from services.webhooks.targets import Targets, limits_of
from services.webhooks.tasks.operations import Operations
from services.webhooks.watch import Watch
from shared.contracts.entities import Kind
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, Lane, accepted
from shared.erasing import Erasing, without_the_erased
from shared.kafka.fetching import Fetching
from shared.loops import Loops
from shared.mongo.erasures import KnownErasures
from shared.service import Base, Service
from shared.telemetry import metrics


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Roles: `http` (endpoints and their deliveries), `dispatch` (events in, webhooks out)."""
    base = Base("webhooks", settings, roles, owned=[Kind.ENDPOINT], copied=[Kind.WORKSPACE, Kind.API_KEY])
    stores = open_stores(base.database, settings)
    jobs = stores.jobs
    seals = Seals(settings.secret_box)
    endpoints = Endpoints(base.cache, base.publisher, jobs, stores.troubles, seals)
    names = Names(url_rules(settings))
    actions = actions_of(settings, endpoints, stores, seals, names)
    routers = [create_router(base, actions), webhooks_people(base), *console_routers(base, settings, actions, stores)]
    if "dispatch" not in roles:
        return Service("webhooks", routers, _http_only(base, names), base.ready)

    attempt_log = AttemptLog(jobs, stores.attempts, base.publisher)
    poster = Poster(allow_private=settings.allow_private_targets)
    targets = Targets(settings, base.cache, seals)
    delivery = Delivery(targets, poster, _schedule(settings), base.tracing)
    disabler = Disabler(endpoints, stores.troubles, jobs)
    watch = Watch(EndpointHealth(stores.troubles, _failing(settings)), disabler)
    dispatcher = Dispatcher(settings, jobs, attempt_log, delivery, targets, _lanes(settings), watch)
    operations = Operations(settings, stores, endpoints, dispatcher.look)
    handler = EventsHandler(endpoints, jobs, dispatcher, settings.webhook_lease_seconds, settings.pepper_bytes)
    erasing = Erasing(base, WebhookErasing(base).erase)
    erasing.attach()
    _attach_consumers(base, settings, handler, stores.erasures)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with base.running() as loops, names, poster, dispatcher:
            base.publish_configuration(loops)
            _start_loops(loops, settings, jobs, attempt_log, dispatcher)
            loops.every("webhooks.disable", settings.sweep_seconds, disabler.sweep)
            census = Census(base.entities, stores.troubles)
            loops.every("webhooks.census", CENSUS_SECONDS, census.take)
            loops.every("webhooks.secrets", settings.sweep_seconds, endpoints.end_previous_secrets)
            operations.start(loops)
            erasing.start(loops)
            yield

    return Service("webhooks", routers, run, base.ready)


def _http_only(base: Base, names: Names) -> Callable[[], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with base.running(), names:
            yield

    return run


def _lanes(settings: Settings) -> Lanes:
    policy = BreakerPolicy(
        settings.webhook_breaker_failures,
        settings.webhook_breaker_first_seconds,
        settings.webhook_breaker_longest_seconds,
    )
    return Lanes(limits_of(settings, {}), settings.webhook_in_flight, policy)


def _schedule(settings: Settings) -> RetrySchedule:
    return RetrySchedule(
        settings.webhook_schedule, settings.webhook_retry_after_max_seconds, settings.webhook_throttle_seconds
    )


def _failing(settings: Settings) -> FailingPolicy:
    return FailingPolicy(
        settings.webhook_failing_failures,
        timedelta(hours=settings.webhook_failing_hours),
        timedelta(days=settings.webhook_failing_days),
    )


def _attach_consumers(base: Base, settings: Settings, handler: EventsHandler, known: KnownErasures) -> None:
    base.copy_configuration()
    base.consume("events", {EVENTS: Event}, without_the_erased(known, handler.events), Fetching.behind(settings))
    for lane in Lane:
        critical = lane is Lane.CRITICAL
        fetching = Fetching.for_lane(settings, critical=True) if critical else Fetching.behind(settings)
        handle = without_the_erased(known, handler.accepted)
        base.consume(f"accepted.{lane}", {accepted(lane): Message}, handle, fetching)


def _start_loops(loops: Loops, settings: Settings, jobs: Jobs, attempt_log: AttemptLog, dispatcher: Dispatcher) -> None:
    async def observe_age() -> None:
        metrics.OLDEST_AGE.labels("webhooks", "all").set(await jobs.oldest_due_age())

    loops.run("webhooks.claim", lambda: dispatcher.claim(loops.stopping))
    loops.run("webhooks.publish", lambda: attempt_log.publish(loops.stopping))
    loops.every("webhooks.look-around", settings.webhook_poll_seconds, dispatcher.look_around)
    loops.every("webhooks.renew", settings.webhook_lease_seconds / 3, dispatcher.renew)
    loops.every("webhooks.sweep", settings.sweep_seconds, attempt_log.sweep)
    loops.every("webhooks.age", settings.sweep_seconds, observe_age)
