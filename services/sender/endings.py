"""Records outcomes and says them: many deliveries in one write, their events published after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pymongo import UpdateOne

from services.sender.arrivals import Held, settled_fields
from services.sender.drain import Drain
from services.sender.rules import Settled
from services.sender.store.deliveries import Deliveries
from shared.contracts.events import EventType
from shared.contracts.topics import EVENTS
from shared.failpoints import reach
from shared.kafka.faults import is_infrastructure
from shared.kafka.publish import Outgoing, Publisher, PublishUnknownError
from shared.mongo.due import new_token
from shared.mongo.erasures import KnownErasures
from shared.mongo.group_commit import GroupCommit
from shared.mongo.outbox import Outbox
from shared.telemetry.tracing import trace_headers

log = structlog.get_logger(__name__)
# No slot waits for an outcome to be written: a little company halves what each costs, and so does one write at a time.
LINGER_SECONDS = 0.01
# An event is safe in its delivery by then, and its readers gather for longer than this.
EVENT_LINGER_SECONDS = 0.05
RECORD_PAUSE = 0.5
ENDED = (
    *("record", "due_at", "data_sent", "flagged", "rechecked", "checked_at", "arrival", "releases", "last"),
    *("tell_at", "commanded", "expires_at", "domain", "sending_domain", "stream", "hold", "why", "resume_at"),
    "reroute",
)


@dataclass(slots=True)
class Ending:
    """A held delivery and how it stands now; `trace` is the span that its event continues."""

    held: Held
    settled: Settled
    trace: str | None


class Endings:
    """Groups what ends at the same time: one update, one publication, one clearing of the marks."""

    def __init__(
        self, deliveries: Deliveries, publisher: Publisher, kept: timedelta, known: KnownErasures, drain: Drain
    ) -> None:
        self._deliveries = deliveries
        self._drain = drain
        self._kept = kept
        self._known = known
        self.outbox = Outbox(deliveries.collection, publisher, lambda document: [event_record(document)])
        self._commit: GroupCommit[Ending, Mapping[str, Any] | None] = GroupCommit(
            "deliveries", self._write, at_once=1, linger=LINGER_SECONDS
        )
        self._said: GroupCommit[Mapping[str, Any], None] = GroupCommit(
            "outcomes", self._publish, at_once=1, linger=EVENT_LINGER_SECONDS
        )

    async def record(self, held: Held, settled: Settled, trace: str | None) -> bool:
        """Writes how the delivery stands and publishes its event; False where the lease was somebody else's by now.

        Returns once the outcome is durable and its event acknowledged, or left to the sweep. Outcomes do not wait for
        the events of others: they are written while Kafka is away.
        """
        document = await self._commit.submit(Ending(held, settled, trace))
        if document is None:
            return False
        if settled.state == "ended":
            self._drain.ended(held)
        reach("sender.recorded")
        if settled.event is not None:
            await self._said.submit(document)
        return True

    async def publish(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Publishes the events of documents that were written; what Kafka does not take now the sweep will."""
        try:
            await self.outbox.publish(documents)
        except PublishUnknownError as error:
            log.warning("events left to the sweep", count=len(documents), error=str(error))

    async def drain(self) -> None:
        """Returns when every write and publication that was begun has ended."""
        await self._commit.drain()
        await self._said.drain()

    async def _publish(self, documents: list[Mapping[str, Any]]) -> list[None]:
        await self.publish(documents)
        return [None] * len(documents)

    async def _write(self, endings: list[Ending]) -> list[Mapping[str, Any] | None]:
        now = datetime.now(UTC)
        await self._known.fresh()
        fields = [self._fields(ending, now) for ending in endings]
        updates = [_update(ending, each) for ending, each in zip(endings, fields, strict=True)]
        tokens = {each["written"]: ending.held.id for ending, each in zip(endings, fields, strict=True)}
        mine = set(tokens)
        if await self._deliveries.write(updates) < len(updates):
            mine = await self._deliveries.written(tokens)
            late = [
                _late_update(ending, each)
                for ending, each in zip(endings, fields, strict=True)
                if each["written"] not in mine and _is_final(ending.settled)
            ]
            if late and await self._deliveries.write(late):
                mine |= await self._deliveries.written(tokens)
        return [
            {"_id": ending.held.id, **each} if each["written"] in mine else None
            for ending, each in zip(endings, fields, strict=True)
        ]

    def _fields(self, ending: Ending, now: datetime) -> dict[str, Any]:
        fields = settled_fields(self._of_the_living(ending.settled), self._kept, now)
        fields["attempt"] = ending.held.attempt + ending.settled.attempts
        fields["ambiguous"] = ending.held.ambiguous + ending.settled.ambiguous
        fields["refused"] = ending.held.refused + ending.settled.refused
        fields["written"] = new_token()
        if ending.trace:
            fields["trace"] = ending.trace
        if ending.held.answers_to:
            fields["answers_to"] = ending.held.answers_to
        return fields

    def _of_the_living(self, settled: Settled) -> Settled:
        """An outcome that comes after its recipient was erased says nothing of them any more."""
        event = settled.event and self._known.event(settled.event)
        return settled if event is settled.event else replace(settled, event=event, last=None)


async def persist(act: Callable[[], Awaitable[None]]) -> None:
    """Tries however long MongoDB is away: an outcome that is forgotten becomes a second delivery."""
    while True:
        try:
            await act()
            return
        except Exception as error:
            if not is_infrastructure(error):
                raise
            log.warning("waiting for the database", error=type(error).__name__)
            await asyncio.sleep(RECORD_PAUSE)


def event_record(document: Mapping[str, Any]) -> Outgoing:
    """A delivery's last event as a record."""
    return Outgoing(EVENTS, document["_id"], document["last_event"], trace_headers(document.get("trace")))


def _is_final(settled: Settled) -> bool:
    """Whether it says more than that nobody knows."""
    return settled.state == "ended" and settled.event is not None and settled.event.type is not EventType.AMBIGUOUS


def _gone(ending: Ending) -> dict[str, str]:
    names = ENDED if ending.settled.state == "ended" else ("data_sent", "flagged", "arrival", "tell_at")
    return dict.fromkeys((*names, "lease"), "")


def _update(ending: Ending, fields: Mapping[str, Any]) -> UpdateOne:
    condition = {"_id": ending.held.id, "lease.token": ending.held.token}
    return UpdateOne(condition, {"$set": dict(fields), "$unset": _gone(ending)})


def _late_update(ending: Ending, fields: Mapping[str, Any]) -> UpdateOne:
    """A final reply that came after its lease was recovered as ambiguous, in the same pass: it stands."""
    condition = {
        "_id": ending.held.id,
        "pass": ending.held.message.pass_,
        "state": {"$in": ["deferred", "ended"]},
        "last_type": "ambiguous",
    }
    return UpdateOne(condition, {"$set": dict(fields), "$unset": _gone(ending)})
