"""The role `relay`: publishes accepted messages to `mail.accepted.*`, one relay for each lane, by lease."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import structlog
from opentelemetry.trace import SpanKind

from services.ingest.disposal import Disposal
from services.ingest.publication.allowance import Allowance
from services.ingest.publication.announcements import announcements
from services.ingest.publication.dead_letter_watch import LOOK_SECONDS, observe_dead_letters
from services.ingest.publication.lag import LagWatch
from services.ingest.publication.retention import PAUSE_SECONDS, Retention
from services.ingest.publication.scheduler import Scheduler
from services.ingest.publication.sweeper import Sweeper
from services.ingest.publication.tenure import HeldTenure
from services.ingest.settings import Settings
from services.ingest.store.messages import Messages
from services.ingest.store.old_messages import OldMessages
from services.ingest.store.relay import BACKLOG_MAX, COLLECTION, Relayed, Waiting
from services.ingest.store.schedule import Schedule
from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message
from shared.contracts.stages import StageReport
from shared.contracts.topics import EVENTS, STAGE_REPORTS, Lane, accepted
from shared.failpoints import reach
from shared.kafka.lag import LagMeter
from shared.kafka.publish import REPEATED, Outgoing, Publisher
from shared.loops import Loops
from shared.mongo.clock import DatabaseClock
from shared.mongo.due import Tenure
from shared.mongo.outbox import Outbox
from shared.service import Base
from shared.telemetry import metrics
from shared.telemetry.tracing import Tracing, is_sampled, trace_headers, traceparent_of

log = structlog.get_logger(__name__)
NEW_TRACE_AFTER = timedelta(hours=1)
CLOCK_SECONDS = 30.0
Worker: TypeAlias = "Relay | Scheduler | Sweeper | Retention"


def run_relay(base: Base, settings: Settings, loops: Loops) -> None:
    """Runs a relay for each lane, the count of what is unread downstream, the scheduler and the sweeper."""

    def held(name: str) -> HeldTenure:
        return HeldTenure(Tenure(base.database, name, settings.relay_lease_seconds), settings.relay_lease_seconds)

    store = Relayed(base.database)
    polls = {Lane.CRITICAL: settings.relay_critical_poll_ms, Lane.STANDARD: settings.relay_standard_poll_ms}
    relays = {lane: Relay(lane, store, base.publisher, base.tracing, held(f"relay.{lane}"), settings) for lane in Lane}
    for lane, relay in relays.items():
        loops.run(f"relay.{lane}", _working(relay, loops, polls[lane] / 1000))
    watch = LagWatch(LagMeter(settings), [relay.allowance for relay in relays.values()], settings.relay_lag_seconds)
    loops.run("relay.lag", lambda: watch.work(loops))
    loops.every("relay.backlog", settings.sweep_seconds, lambda: observe_backlog(store, base.publisher))
    loops.every("relay.dead-letters", LOOK_SECONDS, lambda: observe_dead_letters(settings))
    clock = DatabaseClock(base.database)
    loops.every("scheduler.clock", CLOCK_SECONDS, clock.sync)
    announcer = Outbox(base.database[COLLECTION], base.publisher, announcements)
    scheduler = Scheduler(Schedule(base.database), clock, announcer, held("scheduler"))
    loops.run("scheduler", _working(scheduler, loops, settings.schedule_poll_ms / 1000))
    sweeper = Sweeper(store, Messages(base.database), Disposal(base), base.publisher, held("sweeper"), settings)
    loops.run("sweeper", _working(sweeper, loops, settings.sweep_seconds))
    if settings.message_days is not None:
        retention = Retention(OldMessages(base.database), held("retention"), settings.message_days)
        loops.run("retention", _working(retention, loops, PAUSE_SECONDS))


def _working(worker: Worker, loops: Loops, pause: float) -> Callable[[], Awaitable[None]]:
    """Turn after turn until the process stops; a turn that found nothing is followed by a pause."""

    async def work() -> None:
        while not loops.stopping.is_set():
            found = await worker.turn() if await worker.tenure.is_held() else False
            await loops.pause(0 if found else pause)
        await worker.tenure.release()

    return work


async def observe_backlog(store: Relayed, publisher: Publisher) -> None:
    """Shows how much waits for the relays, and since when: as metrics, and to who shows the queue."""
    now = datetime.now(UTC)
    reports = []
    for lane in Lane:
        count, oldest = await store.backlog(lane)
        metrics.OUTBOX_BACKLOG.labels(lane).set(count)
        metrics.OLDEST_AGE.labels("outbox", lane).set((now - oldest).total_seconds() if oldest else 0)
        report = StageReport(
            stage="outbox", lane=lane, count=count, more=count >= BACKLOG_MAX, oldest_at=oldest, reported_at=now
        )
        reports.append(Outgoing(STAGE_REPORTS, f"outbox:{lane}", report.encode()))
    await publisher.publish(reports)


class Relay:
    """One lane's relay. Where more waits than may be published, each workspace has its share of every turn."""

    def __init__(
        self,
        lane: Lane,
        store: Relayed,
        publisher: Publisher,
        tracing: Tracing,
        tenure: HeldTenure,
        settings: Settings,
    ) -> None:
        self.tenure = tenure
        self.allowance = Allowance(lane, settings.relay_unread_max)
        self._lane = lane
        self._store = store
        self._publisher = publisher
        self._tracing = tracing
        self._settings = settings
        self._after = ""
        self._crowded = False

    async def turn(self) -> bool:
        """Publishes what waits, as far as it may; True where more waits already.

        Who saw everything that waited pauses before it looks again: what comes meanwhile makes the next batch.
        """
        room = min(self.allowance.left, self._settings.relay_batch)
        taken = await self._take(room) if room > 0 else []
        if not taken:
            return False
        await self.publish(taken)
        reach("relay.published", len(taken))
        await self.mark(taken)
        reach("relay.marked", len(taken))
        return self._crowded

    async def _take(self, messages: int) -> list[Waiting]:
        """All that waits, with one query; where that is too much, each workspace's share."""
        if not self._crowded:
            taken, more = await self._store.waiting(self._lane, messages)
            if not more:
                return taken
        shares = await self._store.shares(self._lane, self._after, messages)
        self._after, self._crowded = shares.after, shares.more
        return shares.taken

    async def publish(self, taken: Sequence[Waiting]) -> None:
        """Publishes the records and awaits every acknowledgement; raises PublishUnknownError."""
        outgoing: list[Outgoing] = []
        for submission in taken:
            repeated = {REPEATED: "1"} if submission.repeated else {}
            headers = {**self._headers(submission), **repeated}
            for message_id, record in submission.records.items():
                outgoing.append(Outgoing(accepted(self._lane), message_id, record, headers))
        self.allowance.spend(len(outgoing))
        refused = await self._publisher.publish(outgoing)
        if refused:
            log.error("records refused", lane=self._lane, messages=[record.key for record in refused])
            await self._publisher.publish([_stuck(record) for record in refused])

    async def mark(self, taken: Sequence[Waiting]) -> None:
        """Marks what is acknowledged. What is published and not marked is published again, and recognised."""
        settings = self._settings
        ids = [submission.id for submission in taken]
        await self._store.mark_published(ids, settings.sweep_first_seconds, settings.sweep_longest_seconds)
        now = datetime.now(UTC)
        for submission in taken:
            seconds = (now - submission.due_at).total_seconds()
            metrics.STAGE_PROCESSED.labels("published", self._lane).inc(len(submission.records))
            metrics.observe(metrics.STAGE_SECONDS, seconds, submission.trace, stage="published", lane=self._lane.value)

    def _headers(self, submission: Waiting) -> Mapping[str, str]:
        trace = submission.trace
        if not is_sampled(trace):
            return trace_headers(trace)
        if trace and submission.due_at - submission.accepted_at > NEW_TRACE_AFTER:
            # a trace of days is of no use: what was scheduled has one of its own, linked to the request's
            begun = self._tracing.start("scheduled", None, SpanKind.PRODUCER, links=[trace])
            trace = traceparent_of(begun)
            begun.end()
        return trace_headers(trace)


def _stuck(record: Outgoing) -> Outgoing:
    """The event of a message whose record is too large for Kafka; without what made it so."""
    message = Message.decode(record.value or b"").with_changes(tags=[], metadata={})
    data = {"stage": "relay", "topic": record.topic, "reason": "record_too_large", "bytes": len(record.value or b"")}
    event = event_of(message, EventType.STUCK, datetime.now(UTC), data, occurrence=record.topic)
    return Outgoing(EVENTS, message.message_id, event.encode(), record.headers)
