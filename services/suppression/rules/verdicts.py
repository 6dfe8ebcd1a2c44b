"""What the entries that stand mean for a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.suppression.rules.places import Place, Scope
from services.suppression.rules.reasons import RANKS, EntryType, Reason, type_of
from shared.contracts.messages import Message, Verdict, VerdictKind


@dataclass(frozen=True, slots=True)
class Entry:
    """An address that is suppressed in one place. `id` is what callers see; `address` is sealed, None once erased.

    `by` is the key that added it.
    """

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
    by: str | None = None

    @property
    def type(self) -> EntryType:
        return type_of(self.reason)


def leading(entries: Iterable[Entry], now: datetime, *, spare_complaints: bool = False) -> Entry | None:
    """The entry that stops a message of these; None where none does.

    Erasure before the platform's, whatever their reason, before complaint, manual, unsubscribe, hard bounce and the
    rest; of equals the widest. With `spare_complaints` a complaint to the workspace stops nothing by itself.
    """
    counting = [entry for entry in entries if entry.until > now]
    if spare_complaints:
        counting = [each for each in counting if each.reason is not Reason.COMPLAINT or _is_platform(each)]
    return max(counting, key=_precedence, default=None)


def _precedence(entry: Entry) -> tuple[bool, bool, int, bool, str, str]:
    widest = entry.place.scope is Scope.WORKSPACE
    return entry.reason is Reason.ERASURE, _is_platform(entry), RANKS[entry.reason], widest, entry.key, entry.reason


def _is_platform(entry: Entry) -> bool:
    return entry.place.scope is Scope.PLATFORM


def verdict_of(message: Message, entry: Entry | None, now: datetime) -> Verdict:
    """`expired`, `suppressed` by the entry that stops it, or `send`."""
    if message.expires_at <= now:
        return Verdict.model_construct(
            kind=VerdictKind.EXPIRED, reason="expired", evidence={}, by="suppression", checked_at=now
        )
    if entry is None:
        return Verdict.model_construct(kind=VerdictKind.SEND, evidence={}, by="suppression", checked_at=now)
    return Verdict.model_construct(
        kind=VerdictKind.SUPPRESSED,
        reason=str(entry.reason),
        scope=entry.place.name,
        evidence=evidence_for_workspace(entry),
        by="suppression",
        checked_at=now,
    )


def evidence_for_workspace(entry: Entry) -> dict[str, Any]:
    """What the message's workspace may know of an entry: nothing of a platform entry's sources."""
    if _is_platform(entry):
        return {}
    noted = {"note": entry.note} if entry.note else {}
    return {"suppression_id": entry.id, "origin": entry.origin, **noted, **entry.evidence}
