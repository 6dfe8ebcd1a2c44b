"""Kafka in: messages to check (`mail.routed.*`), and outcomes to learn from and to note (`mail.events`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.suppression.documents import hit_of
from services.suppression.rules import lesson_of, verdict_of
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.contracts.events import Event, EventType
from shared.contracts.messages import Message, VerdictKind
from shared.contracts.topics import Lane, cleared
from shared.kafka.batch import Incoming
from shared.kafka.publish import Outgoing, Publisher
from shared.telemetry import metrics
from shared.telemetry.tracing import trace_headers


class RecordRefusedError(Exception):
    """With its verdict the record is larger than a record may be."""


class Check:
    """Gives each message of a batch its verdict. Nothing passes unchecked: without the database the batch waits."""

    def __init__(self, lane: Lane, store: Suppressions, publisher: Publisher) -> None:
        self._lane = lane
        self._store = store
        self._publisher = publisher

    async def handle(self, batch: list[Incoming[Message]]) -> None:
        keys = {
            incoming.record.message_id: self._store.keys(incoming.record.workspace_id, incoming.record.recipient)
            for incoming in batch
            if incoming.record.verdict is None
        }
        now = datetime.now(UTC)
        standing = await self._store.standing({key for pair in keys.values() for key in pair}, now) if keys else {}
        checked, stopped = [], []
        for incoming in batch:
            message = incoming.record
            seen = message.seen.with_changes(checked=now)
            if message.verdict is None:
                entries = [standing[key] for key in keys[message.message_id] if key in standing]
                verdict = verdict_of(message, entries, now)
                message = message.with_changes(verdict=verdict, seen=seen)
                if verdict.kind is VerdictKind.SUPPRESSED:
                    stopped.append(message)
            else:
                message = message.with_changes(seen=seen)
            checked.append((incoming, message))
        await self._pass_on(checked)
        self._count(checked, stopped, now)

    async def _pass_on(self, checked: list[tuple[Incoming[Message], Message]]) -> None:
        refused = await self._publisher.publish(
            [
                Outgoing(cleared(self._lane), message.message_id, message.encode(), trace_headers(incoming.trace))
                for incoming, message in checked
            ]
        )
        if refused:
            raise RecordRefusedError(f"{len(refused)} record(s) of {len(checked)}")

    def _count(self, checked: list[tuple[Incoming[Message], Message]], stopped: list[Message], now: datetime) -> None:
        metrics.STAGE_PROCESSED.labels("checked", self._lane).inc(len(checked))
        for message in stopped:
            assert message.verdict is not None
            metrics.SUPPRESSED.labels(message.verdict.reason).inc()
        for incoming, message in checked:
            began = message.seen.released or message.seen.accepted
            metrics.observe(
                metrics.STAGE_SECONDS,
                (now - began).total_seconds(),
                incoming.trace,
                stage="checked",
                lane=self._lane,
            )
            if incoming.span is not None and message.verdict is not None:
                incoming.span.set_attribute("posthorn.verdict", message.verdict.kind)
                incoming.span.set_attribute("posthorn.verdict.reason", message.verdict.reason or "")


class Learn:
    """Suppresses, in their workspace, addresses that complained or that take no mail; notes what was stopped.

    A verdict stops nothing by itself: a record that comes again is checked again, whatever became of its message.
    """

    def __init__(self, store: Suppressions, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    async def handle(self, batch: list[Incoming[Event]]) -> None:
        events = [incoming.record for incoming in batch]
        if hits := [self._hit(event) for event in events if event.type is EventType.SUPPRESSED]:
            await self._store.record_hits(hits)
        lessons = [lesson for event in events if (lesson := lesson_of(event, self._settings))]
        if not lessons:
            return
        changed = await self._store.learn(lessons)
        await self._store.outbox.publish(changed)
        for document in changed:
            if "standing" in document:
                metrics.SUPPRESSIONS.labels("added", document["standing"]["reason"]).inc()

    def _hit(self, event: Event) -> dict[str, Any]:
        return hit_of(event, timedelta(days=self._settings.suppression_hit_days))
