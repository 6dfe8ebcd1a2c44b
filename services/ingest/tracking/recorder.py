"""Keeps hits: their messages looked up and their events inserted in groups, then published on `mail.events`.

Nobody who follows a link waits for Kafka: publishing goes on beside it, and what it misses the sweep finds by the mark
in the document.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog

from services.ingest.store.tracked_hits import TrackedHits
from services.ingest.tracking.hits import Hit, event_of_hit, judged
from shared.contracts.topics import EVENTS
from shared.erasure import is_erased, redacted_data
from shared.kafka.publish import Outgoing, Publisher, PublishUnknownError
from shared.mongo.group_commit import GroupCommit
from shared.mongo.outbox import Outbox, unpublished
from shared.telemetry import metrics
from shared.telemetry.tracing import trace_headers

log = structlog.get_logger(__name__)
REMEMBERED = 20_000
WAITING = 5_000
AT_ONCE = 500
PUBLISH_SECONDS = 0.2


def hit_record(document: Mapping[str, Any]) -> Outgoing:
    """The event that a kept hit is."""
    return Outgoing(EVENTS, document["message_id"], document["event"], trace_headers(document.get("trace")))


class Recorder:
    """`keep` returns once a hit is durable. What was kept within the minute costs no write again, as far as this
    process remembers it."""

    def __init__(self, store: TrackedHits, publisher: Publisher, hasty_seconds: float) -> None:
        self._store = store
        self._hasty_seconds = hasty_seconds
        self._group: GroupCommit[Hit, str | None] = GroupCommit("tracked_hits", self._write)
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._kept: deque[Mapping[str, Any]] = deque(maxlen=WAITING)
        self.outbox = Outbox(store.collection, publisher, lambda document: [hit_record(document)])

    def knows(self, hit: Hit) -> bool:
        """Whether a hit of the same kind was kept within its minute, or its message was not known: nothing is left to
        do."""
        return hit.event_id in self._seen

    async def keep(self, hit: Hit) -> str | None:
        """Keeps the hit's event; returns the recipient of its message, None where nothing is known of the message.

        Raises PyMongoError where it is not known whether it was kept.
        """
        return await self._group.submit(hit)

    async def recipient_of(self, hit: Hit) -> str | None:
        """The recipient of a hit's message, None where nothing is known of it."""
        place = hit.workspace_id, hit.message_id
        message = (await self._store.messages({place})).get(place)
        return message["recipient"] if message else None

    async def publish(self) -> bool:
        """Publishes some of what was kept; True where there is more."""
        some = [self._kept.popleft() for _ in range(min(AT_ONCE, len(self._kept)))]
        try:
            await self.outbox.publish(some)
        except PublishUnknownError as error:
            log.warning("hits left to the sweep", count=len(some), error=str(error))
        return bool(self._kept)

    async def sweep(self) -> int:
        """Publishes what has stayed unpublished."""
        count = await self.outbox.sweep()
        metrics.UNPUBLISHED.labels("tracked_hits").set(count)
        return count

    async def drain(self) -> None:
        """Returns when every hit that came is kept, and published or left to the sweep."""
        await self._group.drain()
        left = [self._kept.popleft() for _ in range(len(self._kept))]  # taken off first: the loop may take some too
        await self.outbox.offer(left)

    async def _write(self, hits: list[Hit]) -> Sequence[str | None]:
        try:
            return await self._written(hits)
        except Exception as error:
            log.warning("hits not kept", count=len(hits), error=type(error).__name__)
            raise

    async def _written(self, hits: list[Hit]) -> Sequence[str | None]:
        found = await self._store.messages({(hit.workspace_id, hit.message_id) for hit in hits})
        messages = [found.get((hit.workspace_id, hit.message_id)) for hit in hits]
        documents: dict[str, Mapping[str, Any]] = {}
        for hit, message in zip(hits, messages, strict=True):
            if message is None:
                self._remember([hit.event_id])
                continue
            known = judged(hit, message, self._hasty_seconds)
            if known.event_id not in self._seen:
                documents.setdefault(known.event_id, _document(known, message))
        if documents:
            new = await self._store.insert(list(documents.values()))
            self._kept.extend(one for one, is_new in zip(documents.values(), new, strict=True) if is_new)
            self._remember(documents)
        return [message["recipient"] if message else None for message in messages]

    def _remember(self, event_ids: Iterable[str]) -> None:
        self._seen |= dict.fromkeys(event_ids)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def _document(hit: Hit, message: Mapping[str, Any]) -> dict[str, Any]:
    event = event_of_hit(hit, message)
    if is_erased(event.recipient):  # where a link led may name them
        event = event.with_changes(data=redacted_data(event.data))
    return {
        "_id": event.event_id,
        "workspace_id": hit.workspace_id,
        "message_id": hit.message_id,
        "at": hit.at,
        "event": event.encode(),
        "trace": event.trace,
        "unpublished": unpublished(),
    }
