"""Kafka in: what becomes of messages, for the read model. Nothing here decides; it only tells."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from services.ingest.projection.fold import Delta, delta_of, fold, webhook_delta
from services.ingest.store.messages import Messages
from shared.contracts.events import Event, accepted_event
from shared.contracts.messages import Message
from shared.contracts.webhooks import WebhookAttempt
from shared.kafka.batch import Incoming
from shared.telemetry import metrics


class Projection:
    """The handlers of the projector: each writes its batch in one call, one upsert per message."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def accepted(self, batch: list[Incoming[Message]]) -> None:
        """Records of `mail.accepted.*`: each is the `accepted` event, its time on Kafka that of publication."""
        deltas: dict[str, Delta] = {}
        for incoming in batch:
            delta = delta_of(accepted_event(incoming.record))
            delta.smallest["times.published_at"] = incoming.published_at
            deltas.setdefault(incoming.record.message_id, Delta()).add(delta)
        await self._write(deltas)
        _count((incoming.record.lane, incoming.record.accepted_at, incoming.trace) for incoming in batch)

    async def events(self, batch: list[Incoming[Event]]) -> None:
        await self._write(fold(incoming.record for incoming in batch))
        _count((incoming.record.lane, incoming.record.occurred_at, incoming.trace) for incoming in batch)

    async def _write(self, deltas: dict[str, Delta]) -> None:
        """Writes the deltas, each with its message's subject, which never travels on Kafka."""
        subjects = await self._messages.subjects({delta.facts["submission_id"] for delta in deltas.values()})
        for delta in deltas.values():
            if delta.facts["submission_id"] in subjects:
                delta.facts["subject"] = subjects[delta.facts["submission_id"]]
        await self._messages.write(deltas)

    async def webhooks(self, batch: list[Incoming[WebhookAttempt]]) -> None:
        deltas: dict[str, Delta] = {}
        for incoming in batch:
            deltas.setdefault(incoming.record.message_id, Delta()).add(webhook_delta(incoming.record))
        await self._messages.write(deltas)


def _count(projected: Iterable[tuple[str, datetime, str | None]]) -> None:
    """Counts what has become visible, and how long after it happened."""
    now = datetime.now(UTC)
    for lane, began, trace in projected:
        metrics.STAGE_PROCESSED.labels("projected", lane).inc()
        metrics.observe(metrics.STAGE_SECONDS, (now - began).total_seconds(), trace, stage="projected", lane=lane)
