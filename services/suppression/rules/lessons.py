"""What events teach about an address: at once, or when the same has happened to several messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from services.suppression.rules.places import Place
from services.suppression.rules.reasons import Reason, until_of
from services.suppression.settings import Settings
from shared.contracts.events import Event, EventType
from shared.contracts.suppressions import SUPPRESSING_CLASSES

MAX_REPLY = 500


@dataclass(frozen=True, slots=True)
class Lesson:
    """What an event teaches about an address; `until` is when it stops counting."""

    place: Place
    address: str
    reason: Reason
    occurred_at: datetime
    until: datetime
    event_id: str
    evidence: dict[str, Any]


class StrikeKind(StrEnum):
    """What a message may end by that says little once and much when it goes on."""

    MAILBOX_FULL = "mailbox_full"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class Strike:
    """One message that ended so."""

    place: Place
    address: str
    kind: StrikeKind
    message_id: str
    occurred_at: datetime
    event_id: str
    evidence: dict[str, Any]


def lesson_of(event: Event, settings: Settings) -> Lesson | None:
    """What an event teaches at once: a complaint, or a hard bounce that says the address itself takes no mail."""
    if event.type is EventType.COMPLAINED:
        reason = Reason.COMPLAINT
    elif event.type is EventType.BOUNCED and event.data.get("hard") is True:
        known = SUPPRESSING_CLASSES.get(str(event.data.get("class")))
        if known is None:
            return None
        reason = Reason(known)
    else:
        return None
    return Lesson(
        place=Place(event.workspace_id),
        address=event.recipient,
        reason=reason,
        occurred_at=event.occurred_at,
        until=until_of(reason, event.occurred_at, settings),
        event_id=event.event_id,
        evidence=evidence_of(event),
    )


def strike_of(event: Event) -> Strike | None:
    """A message that ended by a full mailbox, refused or after its retries, or by a host that never answered."""
    class_, last = event.data.get("class"), event.data.get("last_class")
    if event.type is EventType.BOUNCED and class_ == StrikeKind.MAILBOX_FULL:
        kind = StrikeKind.MAILBOX_FULL
    elif event.type is EventType.FAILED and class_ == "expired" and last in list(StrikeKind):
        kind = StrikeKind(last)
    else:
        return None
    return Strike(
        Place(event.workspace_id), event.recipient, kind, event.message_id, event.occurred_at, event.event_id,
        evidence_of(event),
    )  # fmt: skip


def soft_lessons(strikes: Iterable[Strike], settings: Settings) -> list[Lesson]:
    """What the strikes of one address come to: a lesson for each kind whose limit was reached within its days.

    Each message counts once, when it was last struck. The lesson is that of the latest strike that reaches the limit:
    whatever the order in which strikes are known, the same ones teach the same.
    """
    ordered = sorted(strikes, key=lambda each: (each.kind, each.occurred_at, each.event_id))
    found = (_limit_reached(list(same), settings) for _, same in groupby(ordered, key=lambda each: each.kind))
    return [_soft(strike, settings) for strike in found if strike is not None]


def remembered_for(kind: StrikeKind, settings: Settings) -> timedelta:
    """How long a strike may still count: as long as the limit's days, and what it may have brought about."""
    return timedelta(days=_limit(kind, settings)[1] + settings.suppression_soft_days)


def evidence_of(event: Event) -> dict[str, Any]:
    """What an entry keeps of the event that made it."""
    found: dict[str, Any] = {"event_id": event.event_id, "message_id": event.message_id}
    for name in ("class", "code", "enhanced", "rule"):
        if event.data.get(name) is not None:
            found[name] = event.data[name]
    if isinstance(reply := event.data.get("reply"), str):
        found["reply"] = reply[:MAX_REPLY]
    return found


def _limit(kind: StrikeKind, settings: Settings) -> tuple[int, float]:
    """How many messages, and within how many days."""
    if kind is StrikeKind.MAILBOX_FULL:
        return settings.suppression_full_messages, settings.suppression_full_days
    return settings.suppression_unreachable_messages, settings.suppression_unreachable_days


def _limit_reached(strikes: Sequence[Strike], settings: Settings) -> Strike | None:
    """The latest of the strikes (of one kind, oldest first) that as many as the limit lead up to in its days."""
    many, days = _limit(strikes[0].kind, settings)
    last = list({strike.message_id: strike for strike in strikes}.values())
    last.sort(key=lambda each: (each.occurred_at, each.event_id))
    for end in range(len(last) - 1, many - 2, -1):
        if last[end].occurred_at - last[end - many + 1].occurred_at <= timedelta(days=days):
            return last[end]
    return None


def _soft(strike: Strike, settings: Settings) -> Lesson:
    reason = Reason.SOFT_BOUNCE_LIMIT
    until = until_of(reason, strike.occurred_at, settings)
    return Lesson(strike.place, strike.address, reason, strike.occurred_at, until, strike.event_id, strike.evidence)
