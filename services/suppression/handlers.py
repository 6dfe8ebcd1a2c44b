"""Kafka in: messages to check (`mail.routed.*`), and outcomes to learn from and to note (`mail.events`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.suppression.counting import count_changes
from services.suppression.documents.reading import hit_of
from services.suppression.rules import (
    Entry,
    Reason,
    leading,
    lesson_of,
    names_for,
    strike_of,
    verdict_of,
)
from services.suppression.settings import Settings
from services.suppression.store import Hits, Strikes, Suppressions
from shared.contracts.entities import Kind
from shared.contracts.events import Event, EventType
from shared.contracts.messages import Message, VerdictKind
from shared.contracts.topics import Lane, cleared
from shared.kafka.batch import Incoming
from shared.kafka.publish import Outgoing, Publisher
from shared.mongo.entity_cache import EntityCache
from shared.telemetry import metrics, names
from shared.telemetry.tracing import trace_headers


class RecordRefusedError(Exception):
    """With its verdict the record is larger than a record may be."""


class Check:
    """Gives each message of a batch its verdict. Nothing passes unchecked: without the database the batch waits."""

    def __init__(self, lane: Lane, store: Suppressions, cache: EntityCache, publisher: Publisher) -> None:
        self._lane = lane
        self._store = store
        self._cache = cache
        self._publisher = publisher

    async def handle(self, batch: list[Incoming[Message]]) -> None:
        now = datetime.now(UTC)
        entries = await self._entries([incoming.record for incoming in batch if incoming.record.verdict is None], now)
        sparing = await self._sparing(entries)
        checked, stopped = [], []
        for incoming in batch:
            message = incoming.record
            seen = message.seen.with_changes(checked=now)
            if message.verdict is None:
                found = entries.get(message.message_id, ())
                entry = leading(found, now, spare_complaints=message.workspace_id in sparing) if found else None
                verdict = verdict_of(message, entry, now)
                message = message.with_changes(verdict=verdict, seen=seen)
                if verdict.kind is VerdictKind.SUPPRESSED:
                    stopped.append(message)
            else:
                message = message.with_changes(seen=seen)
            checked.append((incoming, message))
        await self._pass_on(checked)
        self._count(checked, stopped, now)

    async def _entries(self, messages: Sequence[Message], now: datetime) -> dict[str, list[Entry]]:
        """The entries that count for each of the messages that have any, in one query."""
        if not messages:
            return {}
        digests = [self._store.naming.digest(message.recipient) for message in messages]
        standing = await self._store.standing(set(digests), {message.workspace_id for message in messages}, now)
        return {
            message.message_id: [entry for entry in standing[digest] if entry.place.name in names_for(message)]
            for message, digest in zip(messages, digests, strict=True)
            if digest in standing
        }

    async def _sparing(self, entries: Mapping[str, Sequence[Entry]]) -> set[str]:
        """The workspaces whose messages of this lane a complaint does not stop, of those with complaints."""
        if self._lane is not Lane.CRITICAL:
            return set()
        complained = {
            entry.place.workspace_id: 0
            for each in entries.values()
            for entry in each
            if entry.reason is Reason.COMPLAINT and entry.place.workspace_id is not None
        }
        workspaces = await self._cache.many(Kind.WORKSPACE, complained) if complained else {}
        return {id_ for id_, each in workspaces.items() if each.data.get("complaints_spare_critical")}

    async def _pass_on(self, checked: list[tuple[Incoming[Message], Message]]) -> None:
        topic = cleared(self._lane)
        refused = await self._publisher.publish(
            [
                Outgoing(topic, message.message_id, message.encode(), trace_headers(incoming.trace))
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
                incoming.span.set_attribute(names.MAIL_VERDICT, message.verdict.kind)
                incoming.span.set_attribute(names.MAIL_VERDICT_REASON, message.verdict.reason or "")


class Learn:
    """Suppresses, in their workspace, addresses that complained or that take no mail; notes what was stopped.

    A verdict stops nothing by itself: a record that comes again is checked again, whatever became of its message.
    """

    def __init__(self, store: Suppressions, strikes: Strikes, hits: Hits, settings: Settings) -> None:
        self._store = store
        self._strikes = strikes
        self._hits = hits
        self._settings = settings
        self._kept = timedelta(days=settings.suppression_hit_days)

    async def handle(self, batch: list[Incoming[Event]]) -> None:
        events = [incoming.record for incoming in batch]
        if hits := [hit_of(event, self._kept) for event in events if event.type is EventType.SUPPRESSED]:
            await self._hits.record(hits)
        lessons = [lesson for event in events if (lesson := lesson_of(event, self._settings))]
        if strikes := [strike for event in events if (strike := strike_of(event))]:
            lessons += await self._strikes.take(strikes)
        if not lessons:
            return
        changed = await self._store.learn(lessons)
        await self._store.outbox.publish(changed)
        count_changes([document for document in changed if "standing" in document])
