"""Kafka in: what becomes of messages, for the read model. Nothing here decides; it only tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from services.ingest.disposal import Disposal
from services.ingest.projection.activity import Counted, Happening, of_acceptance, of_event, of_post, source_of
from services.ingest.projection.fold import Delta, add_subject, delta_of, fold, webhook_delta
from services.ingest.store.activity_counts import ActivityCounts
from services.ingest.store.messages import Messages
from shared.contracts.events import TERMINAL, Event, accepted_event
from shared.contracts.messages import Message
from shared.contracts.webhooks import WebhookAttempt
from shared.erasure import is_erased
from shared.kafka.batch import Incoming, R
from shared.telemetry import metrics


class Projection:
    """The handlers of the projector: each writes its batch in one call, one upsert per message.

    Activity is counted after that, so that a record that cannot be projected is counted when it is replayed.
    """

    def __init__(
        self, messages: Messages, disposal: Disposal | None = None, activity: ActivityCounts | None = None
    ) -> None:
        self._messages = messages
        self._disposal = disposal
        self._activity = activity

    async def accepted(self, batch: list[Incoming[Message]]) -> None:
        """Records of `mail.accepted.*`: each is the `accepted` event, its time on Kafka that of publication."""
        deltas: dict[str, Delta] = {}
        for incoming in batch:
            delta = delta_of(accepted_event(incoming.record))
            delta.smallest["times.published_at"] = incoming.published_at
            deltas.setdefault(incoming.record.message_id, Delta()).add(delta)
        await self._write(deltas)
        await self._tally(batch, of_acceptance)
        _count((incoming.record.lane, incoming.record.accepted_at, incoming.trace) for incoming in batch)

    async def events(self, batch: list[Incoming[Event]]) -> None:
        disposable = await self._write(fold(incoming.record for incoming in batch))
        ended = {one.record.submission_id for one in batch if one.record.type in TERMINAL}
        if self._disposal is not None and (ready := ended & disposable):
            await self._disposal.settle(ready)
        await self._tally(batch, of_event)
        _count((incoming.record.lane, incoming.record.occurred_at, incoming.trace) for incoming in batch)

    async def _write(self, deltas: dict[str, Delta]) -> set[str]:
        """Writes the deltas, each with its message's subject, which never travels on Kafka; the submissions that lose
        what they say with their end."""
        said = await self._messages.said({delta.facts["submission_id"] for delta in deltas.values()})
        for delta in deltas.values():
            found = said.get(delta.facts["submission_id"])
            if found is not None and found.subject is not None and not is_erased(delta.facts["recipient"]):
                add_subject(delta, found.subject)
        await self._messages.write(deltas)
        return {id_ for id_, each in said.items() if each.disposable}

    async def webhooks(self, batch: list[Incoming[WebhookAttempt]]) -> None:
        deltas: dict[str, Delta] = {}
        for incoming in batch:
            deltas.setdefault(incoming.record.message_id, Delta()).add(webhook_delta(incoming.record))
        await self._messages.write(deltas)
        await self._tally(batch, of_post)

    async def _tally(self, batch: list[Incoming[R]], happening_of: Callable[[R], Happening | None]) -> None:
        """Counts what happened, of which a record that is repeated tells nothing new."""
        if self._activity is None:
            return
        found = ((happening_of(each.record), each.raw) for each in batch if not each.is_repeated)
        await self._activity.add(
            Counted(source_of(raw.topic, raw.partition), raw.offset, happening) for happening, raw in found if happening
        )


def _count(projected: Iterable[tuple[str, datetime, str | None]]) -> None:
    """Counts what has become visible, and how long after it happened."""
    now = datetime.now(UTC)
    for lane, began, trace in projected:
        metrics.STAGE_PROCESSED.labels("projected", lane).inc()
        metrics.observe(metrics.STAGE_SECONDS, (now - began).total_seconds(), trace, stage="projected", lane=lane)
