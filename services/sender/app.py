"""The composition root of the sender service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random

from services.sender.arrivals import Held
from services.sender.attempts import Attempts
from services.sender.bounces.live import LOOK_SECONDS, Rules
from services.sender.claiming import Claiming
from services.sender.delivery import Delivery
from services.sender.destinations.greeting_names import GreetingNames
from services.sender.destinations.parts import DestinationParts
from services.sender.dispatch import Dispatcher
from services.sender.drain import FLUSH_SECONDS, Drain
from services.sender.endings import Endings
from services.sender.erasing import DeliveryErasing
from services.sender.handlers import ChangesHandler, CommandsHandler
from services.sender.http import http_routers
from services.sender.intake import Intake
from services.sender.leaving import Leaving
from services.sender.mail.ahead import LettersAhead
from services.sender.mail.letters import Letters
from services.sender.mail.outgoing import MailMaker
from services.sender.mail.personal import LinksBelow
from services.sender.mail.platform import platform_signer
from services.sender.operations import Operations
from services.sender.queue.stages import Stages
from services.sender.returns.addresses import ReturnAddresses
from services.sender.returns.outgoing import Returning
from services.sender.returns.server import return_door
from services.sender.rules import settle_outcome
from services.sender.settings import Settings
from services.sender.smtp.connections import Connections
from services.sender.store.broken_tls import BrokenHosts
from services.sender.store.changes import Changes
from services.sender.store.claims import Claims
from services.sender.store.deliveries import Deliveries
from services.sender.store.drained import Drained
from services.sender.store.releases import Releases
from services.sender.store.sts_policies import StsPolicyStore
from services.sender.supplies import Supplies
from services.sender.tls.parts import TlsParts
from services.sender.upkeep import Upkeep
from shared.content import ContentStore
from shared.contracts.commands import Asked
from shared.contracts.entities import Kind
from shared.contracts.messages import Message
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import COMMANDS, SUPPRESSION_CHANGES, Lane, cleared
from shared.erasing import Erasing, without_the_erased
from shared.kafka.batch import Handler
from shared.kafka.fetching import Fetching
from shared.kafka.stuck import stuck_event
from shared.links import Links
from shared.loops import Loops
from shared.mongo.clock import DatabaseClock
from shared.mongo.erasures import KnownErasures
from shared.mongo.group_commit import GroupCommit
from shared.service import Base, Service

RELEASE_SECONDS = 0.5
LEAVING_SECONDS = 2
NAMES_SECONDS = 3600.0
# Smaller than other batches: it is committed when its last message has begun or waits, and others stand behind it.
ARRIVALS = 100


def create_app(settings: Settings, roles: Collection[str]) -> Service:
    """Roles: `http` (the queue), `deliver` (takes over, delivers, retries, does what the queue is asked for), `returns`
    (the return door)."""
    base = Base("sender", settings, roles, copied=[Kind.WORKSPACE, Kind.API_KEY, Kind.DOMAIN, Kind.TRANSPORT])
    rules = Rules(settings.bounce_rules_file)
    parts = _Deliver(base, settings, rules) if "deliver" in roles else None
    door = return_door(base, settings, rules) if "returns" in roles else None
    stages = Stages(settings)

    @asynccontextmanager
    async def run() -> AsyncIterator[None]:
        async with base.running() as loops, door.open(loops) if door else nullcontext(), aclosing(stages):
            loops.every("sender.bounce-rules", LOOK_SECONDS, rules.look)
            if parts is None:
                yield
                return
            try:
                # left first, while the loops still renew what is under way and Kafka still takes its outcomes
                async with parts.dispatcher:
                    parts.start(loops)
                    try:
                        yield
                    finally:
                        await base.kafka.stop_consuming()
            finally:
                parts.connections.close()
                await parts.tls.close()
                await parts.destinations.close()

    routers = http_routers(base, settings, stages) if "http" in roles else []
    return Service("sender", routers, run, base.ready)


class _Deliver:
    """The parts of the role `deliver`."""

    def __init__(self, base: Base, settings: Settings, rules: Rules) -> None:
        kept = timedelta(days=settings.tombstone_days)
        self.settings = settings
        self.clock = DatabaseClock(base.database)
        self.deliveries = Deliveries(base.database)
        self.known = KnownErasures(base.database, settings.pepper_bytes)
        self.drain = Drain(Drained(base.database), self.clock)
        self.endings = Endings(self.deliveries, base.publisher, kept, self.known, self.drain)
        self.tls = TlsParts(settings, BrokenHosts(base.database), StsPolicyStore(base.database))
        self.greeting_names = GreetingNames(base.cache.entities, self.tls.lookups, settings)
        self.connections = Connections(
            settings.timeouts,
            self.tls.contexts,
            self.tls.lookups,
            settings.targets,
            self.tls.broken,
            rules=rules,
        )
        marks = GroupCommit("marks", self.deliveries.mark_data_sent, at_once=1)

        async def mark(held: Held) -> bool:
            return self.dispatcher.may_send(held) and await marks.submit((held.id, held.token))

        contents = ContentStore(base.content_database)
        links = LinksBelow(Links(*settings.token_keys), settings.links_base)
        self.destinations = destinations = DestinationParts(base, settings, self.connections.pool, self.clock)
        self.commands = CommandsHandler(self.deliveries, self.endings, kept, self.known, settings.pepper_bytes)
        self.erasing = Erasing(base, DeliveryErasing(base, self.commands).erase)
        self.operations = Operations(
            base, settings, self.deliveries, destinations.store, self.endings, self.commands, self.clock
        )
        holds = self.operations.holds
        mail = MailMaker(contents, links, settings.feedback_sender_id)
        policies = self.tls.policies if settings.mta_sts else None
        returning = Returning(ReturnAddresses(*settings.token_keys), settings.dsn, settings.dsn_success)
        letters = LettersAhead(Letters(mail, returning))
        attempts = Attempts(self.connections, letters, holds, mark)
        settle = partial(settle_outcome, schedule=settings.schedule, rng=Random())
        delivery = Delivery(attempts, policies, holds, settle, destinations.feedback.heard, base.tracing)
        ways, slots = destinations.ways, destinations.slots
        box = settings.secret_box
        supplies = Supplies(contents, base.cache, box, settings, ways, platform_signer(settings))
        claims = Claims(self.deliveries, settings.lease_seconds)
        self.dispatcher = Dispatcher(
            settings, slots, destinations.pacing, supplies, letters, delivery, self.endings, self.deliveries
        )
        self.claiming = Claiming(slots, ways, self.dispatcher, claims)
        changes = Changes(base.database, self.deliveries, timedelta(days=settings.change_days))
        self.upkeep = Upkeep(
            settings,
            self.deliveries,
            claims,
            Releases(self.deliveries, settings.release_wait_seconds),
            destinations.store,
            self.endings,
            self.dispatcher,
            base.publisher,
            base.tracing,
            self.clock,
        )
        self.leaving = Leaving(self.deliveries, claims, destinations.store, self.clock)
        intake = Intake(
            settings,
            self.deliveries,
            changes,
            slots,
            ways,
            destinations.placing,
            self.dispatcher,
            self.claiming,
            self.endings,
            base.publisher,
            self.clock,
            holds,
            base.tracing,
        )
        base.copy_configuration()
        self.erasing.attach()
        _attach(base, settings, without_the_erased(self.known, intake.cleared), ChangesHandler(changes), self.commands)

    def start(self, loops: Loops) -> None:
        lease, upkeep = self.settings.lease_seconds, self.upkeep
        self.operations.start(loops)
        loops.run("sender.claim", lambda: self.claiming.run(loops.stopping))
        loops.every("sender.renew", lease / 3, self.dispatcher.renew)
        self.destinations.start(loops, self.dispatcher.settle)
        loops.every("sender.expire", 5, upkeep.expire)
        loops.every("sender.leaving", LEAVING_SECONDS, self.leaving.turn)
        loops.every("sender.clock", lease / 3, self.clock.sync)
        loops.every("sender.recover", min(lease / 4, 5), upkeep.recover)
        for lane in Lane:
            loops.every(f"sender.release.{lane}", RELEASE_SECONDS, partial(upkeep.release, lane))
        loops.every("sender.commanded", 1, self.commands.end_commanded)
        self.erasing.start(loops)
        loops.every("sender.sending", 1, upkeep.say_sending)
        loops.every("sender.queued", 15, upkeep.say_queued)
        loops.every("sender.measure", 5, upkeep.measure)
        loops.every("sender.drain", FLUSH_SECONDS, self.drain.flush)
        self.tls.start(loops)
        if self.settings.profile != "local":  # a laptop's name is nobody's
            loops.every("sender.greeting-names", NAMES_SECONDS, self.greeting_names.check)
        loops.every("sender.sweep", self.settings.sweep_seconds, self.endings.outbox.sweep)


def _attach(
    base: Base, settings: Settings, take: Handler[Message], changes: ChangesHandler, commands: CommandsHandler
) -> None:
    for lane in Lane:
        of_lane = Fetching.for_lane(settings, critical=lane is Lane.CRITICAL)
        fetching = replace(of_lane, records=min(ARRIVALS, of_lane.records))
        base.consume(f"deliver.{lane}", {cleared(lane): Message}, take, fetching, stuck_event)
    unhurried = Fetching.unhurried(settings)
    base.consume("changes", {SUPPRESSION_CHANGES: SuppressionChange}, changes.handle, unhurried)
    base.consume("commands", {COMMANDS: Asked}, commands.handle, unhurried)
