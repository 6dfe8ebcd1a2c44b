"""What records add to the activity of their workspaces: how much happened, by lane and slot of time. Pure.

Each record is counted once, whatever is read again, by however many owners of its partition: a slot knows of each
partition up to which offset it has counted, and partitions are read in order. What the sweeper or the sender says once
more is marked as that, and is not counted; what a publisher says once more as it was killed before it could note the
acknowledgement, or a replay of dead letters that others had read, is. The lane is that of the message's stream,
wherever a rule may have moved it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.ingest.projection.waits import counter_of_wait, first_wait
from shared.contracts.events import Event, EventType
from shared.contracts.messages import Message
from shared.contracts.webhooks import WebhookAttempt

SLOT = timedelta(minutes=5)
KEPT = timedelta(days=8)
"""Longer than a record lives: one that is read again finds the slot that has counted it."""

SHOWN: dict[str, tuple[EventType, ...]] = {
    "accepted": (EventType.ACCEPTED,),
    "delivered": (EventType.DELIVERED, EventType.RELAYED),
    "deferred": (EventType.DEFERRED,),
    "ambiguous": (EventType.AMBIGUOUS,),
    "bounced": (EventType.BOUNCED,),
    "complained": (EventType.COMPLAINED,),
    "suppressed": (EventType.SUPPRESSED,),
    "failed": (EventType.FAILED,),
    "canceled": (EventType.CANCELED,),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One more in each of the `counters` of a workspace (dotted paths), at a time."""

    workspace_id: str
    at: datetime
    counters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """A happening, and where its record stands: `source` is the partition, by a name without dots."""

    source: str
    offset: int
    happening: Happening


@dataclass(slots=True)
class Addition:
    """What is to be added to one slot: `counters`, and of each source the offset that it must stand at (None where it
    has counted nothing of it yet) with the one that it stands at afterwards."""

    offsets: dict[str, tuple[int | None, int]] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Tally:
    """The records of a batch that belong to one slot of a workspace."""

    workspace_id: str
    begins_at: datetime
    records: list[Counted] = field(default_factory=list)

    def beyond(self, offsets: Mapping[str, int]) -> Addition:
        """What a slot has not counted yet that has counted up to these offsets."""
        addition = Addition()
        for each in self.records:
            stands_at = offsets.get(each.source)
            if stands_at is not None and each.offset <= stands_at:
                continue
            _, last = addition.offsets.get(each.source, (None, each.offset))
            addition.offsets[each.source] = stands_at, max(last, each.offset)
            addition.counters.update(each.happening.counters)
        return addition


def tallies(records: Iterable[Counted]) -> list[Tally]:
    """One for each workspace and slot that the records belong to."""
    found: dict[tuple[str, datetime], Tally] = {}
    for each in records:
        workspace_id, begins_at = each.happening.workspace_id, slot_of(each.happening.at)
        found.setdefault((workspace_id, begins_at), Tally(workspace_id, begins_at)).records.append(each)
    return list(found.values())


def slot_of(moment: datetime, lasting: timedelta = SLOT) -> datetime:
    """When the slot begins that a moment falls into."""
    seconds = round(lasting.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


def source_of(topic: str, partition: int) -> str:
    return f"{topic}:{partition}".replace(".", "_")


def shown(counts: Mapping[str, int]) -> dict[str, int]:
    """A lane's counts by event type, under the names that callers know."""
    return {what: sum([counts.get(type_, 0) for type_ in types]) for what, types in SHOWN.items()}


def of_acceptance(message: Message) -> Happening | None:
    """A record of `mail.accepted.*`; None for scheduled mail, whose acceptance an event of its own has told before."""
    if message.scheduled_at is not None:
        return None
    return Happening(message.workspace_id, message.accepted_at, (f"counts.{message.stream.lane}.accepted",))


def of_event(event: Event) -> Happening:
    """A record of `mail.events`: its type and, where it tells of the message's first attempt, the wait for that."""
    lane = event.stream.lane
    wait = first_wait(event)
    waits = () if wait is None else (f"waits.{lane}.{counter_of_wait(wait)}",)
    return Happening(event.workspace_id, event.occurred_at, (f"counts.{lane}.{event.type}", *waits))


def of_post(attempt: WebhookAttempt) -> Happening:
    """A record of `webhook.events`, which says nothing of a lane."""
    result = "ok" if attempt.ok else "failed"
    return Happening(attempt.workspace_id, attempt.occurred_at, (f"counts.webhooks.{result}",))
