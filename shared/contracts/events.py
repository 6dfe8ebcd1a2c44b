"""Events: what happened to a message. Its status is a fold over them, in any order and any number of times."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from shared.contracts.messages import Message
from shared.contracts.record import Record, Timestamp
from shared.contracts.topics import Lane, Stream

EVENT_NAMESPACE = uuid.UUID("6f1d7c1e-8f0a-5b4e-9a57-0d5f0c6b7a10")
LAST_PASS = 9_999


class EventType(StrEnum):
    """What may happen to a message. `auto_reply` is a machine's answer to it, `reported` what a host tells of it that
    changes nothing (its `action`: a delay, an expansion, …)."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENDING = "sending"
    STUCK = "stuck"
    AMBIGUOUS = "ambiguous"
    DEFERRED = "deferred"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    CANCELED = "canceled"
    RELAYED = "relayed"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    REPLIED = "replied"
    READ = "read"
    UNSUBSCRIBED = "unsubscribed"
    AUTO_REPLY = "auto_reply"
    REPORTED = "reported"


RANKS: dict[EventType, int] = {
    EventType.ACCEPTED: 0,
    EventType.QUEUED: 10,
    EventType.SENDING: 20,
    EventType.STUCK: 30,
    EventType.AMBIGUOUS: 40,
    EventType.DEFERRED: 50,
    EventType.SUPPRESSED: 60,
    EventType.FAILED: 60,
    EventType.CANCELED: 60,
    EventType.RELAYED: 70,
    EventType.DELIVERED: 80,
    EventType.BOUNCED: 90,
}
TERMINAL = frozenset(
    {
        EventType.SUPPRESSED,
        EventType.FAILED,
        EventType.CANCELED,
        EventType.RELAYED,
        EventType.DELIVERED,
        EventType.BOUNCED,
    }
)


def sequence_of(type_: EventType, pass_: int) -> int:
    """Where an event stands in its message's life: pass x 100 + the type's rank; additions to a life stand last."""
    if type_ not in RANKS:
        return LAST_PASS * 100 + 99
    return pass_ * 100 + RANKS[type_]


def event_id_of(message_id: str, type_: EventType, pass_: int, occurrence: str = "") -> str:
    """The same event always has the same id (uuid5), whoever makes it again."""
    return str(uuid.uuid5(EVENT_NAMESPACE, f"{message_id}:{type_}:{pass_}:{occurrence}"))


class Event(Record):
    """One event of one message. `data` holds what the type adds: for an outcome `reply, code, enhanced, host, tls,
    timings, transcript, class, hard, next_at`; with `route`, `verdict` and `seen` of the pass it reports."""

    newer_by: ClassVar[str] = "type"

    event_id: str
    message_id: str
    submission_id: str
    workspace_id: str
    type: EventType
    occurred_at: Timestamp
    pass_: int = Field(alias="pass")
    attempt: int
    sequence: int
    lane: Lane
    stream: Stream
    recipient: str
    recipient_type: str
    sender: str
    tags: list[str] = []
    metadata: dict[str, str] = {}
    accepted_at: Timestamp
    scheduled_at: Timestamp | None = None
    resend_of: str | None = None
    contact_id: str | None = None
    data: dict[str, Any] = {}
    trace: str | None = None


def event_of(
    message: Message,
    type_: EventType,
    occurred_at: datetime,
    data: dict[str, Any] | None = None,
    *,
    attempt: int | None = None,
    occurrence: str = "",
) -> Event:
    """The event `type_` of a message in its present pass, with the message's identity."""
    return Event(
        event_id=event_id_of(message.message_id, type_, message.pass_, occurrence),
        message_id=message.message_id,
        submission_id=message.submission_id,
        workspace_id=message.workspace_id,
        type=type_,
        occurred_at=occurred_at,
        pass_=message.pass_,
        attempt=message.attempt if attempt is None else attempt,
        sequence=sequence_of(type_, message.pass_),
        lane=message.lane,
        stream=message.stream,
        recipient=message.recipient,
        recipient_type=message.recipient_type,
        sender=message.sender,
        tags=message.tags,
        metadata=message.metadata,
        accepted_at=message.accepted_at,
        scheduled_at=message.scheduled_at,
        resend_of=message.resend_of,
        contact_id=message.contact_id,
        data=data or {},
        trace=message.trace,
    )


def later_event(
    event: Event,
    type_: EventType,
    occurred_at: datetime,
    data: dict[str, Any],
    *,
    pass_: int,
    occurrence: str,
) -> Event:
    """What happened to a message of which only another event is left."""
    return event.with_changes(
        event_id=event_id_of(event.message_id, type_, pass_, occurrence),
        type=type_,
        occurred_at=occurred_at,
        pass_=pass_,
        sequence=sequence_of(type_, pass_),
        data=data,
    )


def accepted_event(message: Message, at: datetime | None = None) -> Event:
    """The event that a record on `mail.accepted.*` is; always of pass 0.

    Of a scheduled message it is said twice: at its acceptance (`at`), and when it is due.
    """
    return event_of(message.with_changes(pass_=0, attempt=0), EventType.ACCEPTED, at or message.due_at)
