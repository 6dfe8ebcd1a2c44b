"""The read model made again from the topics, by the projector's own handlers.

What the fold has taken already changes nothing, so this may run beside the projector, and over documents that are older
than the topics' retention. Who was erased since a record was published does not come back. Activity is counted where it
has not been: only by who reads whole topics, as slots know how far they have counted and nothing of gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from aiokafka import ConsumerRecord

from services.ingest.handlers import Projection
from services.ingest.projection.fold import Delta
from services.ingest.store.activity_counts import ActivityCounts
from services.ingest.store.messages import COLLECTION, Messages
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, WEBHOOK_EVENTS, Lane, accepted
from shared.contracts.webhooks import WebhookAttempt
from shared.erasing import without_the_erased
from shared.kafka.batch import Handler, Incoming
from shared.kafka.faults import is_infrastructure
from shared.kafka.reading import read_topics
from shared.mongo.client import make_client, open_database
from shared.mongo.erasures import KnownErasures
from shared.settings import SharedSettings

log = structlog.get_logger(__name__)
Folded = Message | Event | WebhookAttempt


@dataclass(slots=True)
class Rebuilt:
    """How many records were read, how many of them the projector cannot take, how many writes changed a document."""

    records: int = 0
    refused: int = 0
    changes: int = 0


async def rebuild(
    settings: SharedSettings,
    into: str = COLLECTION,
    workspace_id: str | None = None,
    since: datetime | None = None,
) -> Rebuilt:
    """Folds every record on the projector's topics into a collection of ingest's database.

    With `workspace_id` the records of that workspace alone, with `since` those published then or later. Raises
    KafkaError, PyMongoError.
    """
    client = make_client(settings)
    try:
        database = open_database(client, settings.database("ingest"))
        known = KnownErasures(database, settings.pepper_bytes)
        activity = ActivityCounts(database) if into == COLLECTION and since is None else None
        return await _Rebuild(_Messages(database, into), activity, known, workspace_id).run(settings, since)
    finally:
        client.close()


class _Messages(Messages):
    """Counts what its writes change."""

    changes = 0

    async def write(self, deltas: Mapping[str, Delta]) -> int:
        changed = await super().write(deltas)
        self.changes += changed
        return changed


class _Rebuild:
    def __init__(
        self, messages: _Messages, activity: ActivityCounts | None, known: KnownErasures, workspace_id: str | None
    ) -> None:
        self._messages = messages
        self._activity = activity
        self._known = known
        self._workspace_id = workspace_id
        self._done = Rebuilt()

    async def run(self, settings: SharedSettings, since: datetime | None) -> Rebuilt:
        projection = Projection(self._messages, activity=self._activity)
        parts: dict[str, tuple[type[Folded], Handler[Any]]] = {
            **{settings.topic(accepted(lane)): (Message, projection.accepted) for lane in Lane},
            settings.topic(EVENTS): (Event, projection.events),
            settings.topic(WEBHOOK_EVENTS): (WebhookAttempt, projection.webhooks),
        }
        names = [*map(accepted, Lane), EVENTS, WEBHOOK_EVENTS]
        async for batch in read_topics(settings, names, since):
            self._done.records += len(batch)
            for topic, (model, handler) in parts.items():
                found = self._decoded(model, [raw for raw in batch if raw.topic == topic])
                await self._handle(without_the_erased(self._known, handler), found)
        self._done.changes = self._messages.changes
        return self._done

    def _decoded(self, model: type[Folded], raws: list[ConsumerRecord]) -> list[Incoming[Any]]:
        found = []
        for raw in raws:
            try:
                record = model.decode(raw.value or b"")
            except ValueError:
                self._refuse(raw, "undecodable")
                continue
            if self._workspace_id in (None, record.workspace_id):
                found.append(Incoming(record, raw.topic, raw))
        return found

    async def _handle(self, handler: Handler[Any], batch: list[Incoming[Any]]) -> None:
        """Hands a batch over; record by record where the fault of one stops it, which the projector dead-letters."""
        try:
            if batch:
                await handler(batch)
        except Exception as error:
            if is_infrastructure(error):
                raise
            if len(batch) > 1:
                for each in batch:
                    await self._handle(handler, [each])
            else:
                self._refuse(batch[0].raw, type(error).__name__)

    def _refuse(self, raw: ConsumerRecord, reason: str) -> None:
        self._done.refused += 1
        log.warning("record left out", topic=raw.topic, partition=raw.partition, offset=raw.offset, reason=reason)
