"""What suppresses an address, for how long, and what that means for a message. Pure: no Kafka, Mongo or clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from services.suppression.settings import Settings
from shared.contracts.events import Event, EventType
from shared.contracts.messages import Message, Verdict, VerdictKind

PLATFORM = "platform"
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
MAX_REPLY = 500


class Reason(StrEnum):
    """Why an address gets no mail. `erasure` is that of a person whose data was erased: only the HMAC is left."""

    ERASURE = "erasure"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    UNSUBSCRIBE = "unsubscribe"
    HARD_BOUNCE = "hard_bounce"
    INACTIVE = "inactive"
    INVALID_DOMAIN = "invalid_domain"
    SOFT_BOUNCE_LIMIT = "soft_bounce_limit"


class EntryType(StrEnum):
    """What callers name and filter by: several reasons are a bounce."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    UNSUBSCRIBE = "unsubscribe"
    ERASURE = "erasure"


RANKS = {
    Reason.ERASURE: 5,
    Reason.COMPLAINT: 4,
    Reason.MANUAL: 3,
    Reason.UNSUBSCRIBE: 2,
    Reason.HARD_BOUNCE: 1,
    Reason.INACTIVE: 0,
    Reason.INVALID_DOMAIN: 0,
    Reason.SOFT_BOUNCE_LIMIT: 0,
}
REASON_OF_TYPE = {
    EntryType.BOUNCE: Reason.HARD_BOUNCE,
    EntryType.COMPLAINT: Reason.COMPLAINT,
    EntryType.MANUAL: Reason.MANUAL,
    EntryType.UNSUBSCRIBE: Reason.UNSUBSCRIBE,
    EntryType.ERASURE: Reason.ERASURE,
}
TYPES = {reason: type_ for type_, reason in REASON_OF_TYPE.items()}
REASON_OF_CLASS = {
    "invalid_recipient": Reason.HARD_BOUNCE,
    "invalid_domain": Reason.INVALID_DOMAIN,
    "inactive_mailbox": Reason.INACTIVE,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry holds: one workspace, or (`workspace_id` None) the whole platform."""

    workspace_id: str | None = None

    @property
    def scope(self) -> str:
        return PLATFORM if self.workspace_id is None else f"workspace:{self.workspace_id}"


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one event teaches about an address; `until` is when it stops counting."""

    place: Place
    address: str
    reason: Reason
    occurred_at: datetime
    until: datetime
    event_id: str
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """An address that is suppressed in one place. `id` is what callers see; `address` is sealed, None once erased."""

    key: str
    id: str
    place: Place
    address: str | None
    reason: Reason
    until: datetime
    origin: str
    note: str | None
    evidence: Mapping[str, Any]
    first_seen: datetime
    last_seen: datetime

    @property
    def type(self) -> EntryType:
        return type_of(self.reason)


def type_of(reason: Reason) -> EntryType:
    return TYPES.get(reason, EntryType.BOUNCE)


def lifetime_of(reason: Reason, settings: Settings) -> timedelta | None:
    """How long an entry of this reason counts; None is for good."""
    days = {
        Reason.HARD_BOUNCE: settings.suppression_hard_bounce_days,
        Reason.INACTIVE: settings.suppression_inactive_days,
        Reason.INVALID_DOMAIN: settings.suppression_invalid_domain_days,
        Reason.SOFT_BOUNCE_LIMIT: settings.suppression_soft_days,
    }.get(reason)
    return None if days is None else timedelta(days=days)


def lesson_of(event: Event, settings: Settings) -> Lesson | None:
    """What an event teaches: a complaint, or a hard bounce that says the address itself takes no mail."""
    if event.type is EventType.COMPLAINED:
        reason = Reason.COMPLAINT
    elif event.type is EventType.BOUNCED and event.data.get("hard") is True:
        known = REASON_OF_CLASS.get(str(event.data.get("class")))
        if known is None:
            return None
        reason = known
    else:
        return None
    lifetime = lifetime_of(reason, settings)
    return Lesson(
        place=Place(event.workspace_id),
        address=event.recipient,
        reason=reason,
        occurred_at=event.occurred_at,
        until=NEVER if lifetime is None else event.occurred_at + lifetime,
        event_id=event.event_id,
        evidence=_evidence(event),
    )


def _evidence(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {"event_id": event.event_id, "message_id": event.message_id}
    for name in ("class", "code", "enhanced", "rule"):
        if event.data.get(name) is not None:
            found[name] = event.data[name]
    if isinstance(reply := event.data.get("reply"), str):
        found["reply"] = reply[:MAX_REPLY]
    return found


def verdict_of(message: Message, entries: Iterable[Entry], now: datetime) -> Verdict:
    """`expired`, `suppressed` by the entry that ranks first, or `send`.

    Complaint before manual before hard bounce before the rest; of equals, the platform's before the workspace's.
    """
    if message.expires_at <= now:
        return Verdict.model_construct(
            kind=VerdictKind.EXPIRED, reason="expired", evidence={}, by="suppression", checked_at=now
        )
    counting = [entry for entry in entries if entry.until > now]
    if not counting:
        return Verdict.model_construct(kind=VerdictKind.SEND, evidence={}, by="suppression", checked_at=now)
    entry = max(counting, key=lambda entry: (RANKS[entry.reason], entry.place.workspace_id is None))
    return Verdict.model_construct(
        kind=VerdictKind.SUPPRESSED,
        reason=str(entry.reason),
        scope=entry.place.scope,
        evidence=evidence_for_workspace(entry),
        by="suppression",
        checked_at=now,
    )


def evidence_for_workspace(entry: Entry) -> dict[str, Any]:
    """What the message's workspace may know of an entry: nothing of a platform entry's sources."""
    if entry.place.workspace_id is None:
        return {}
    noted = {"note": entry.note} if entry.note else {}
    return {"suppression_id": entry.id, "origin": entry.origin, **noted, **entry.evidence}
