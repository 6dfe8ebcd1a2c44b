"""Why an address gets no mail: the reasons, their order, and how long each counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from services.suppression.settings import Settings

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


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
GUARDED = frozenset({Reason.COMPLAINT, Reason.ERASURE})
"""What only an admin who says why may remove: somebody asked for no more mail."""


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


def until_of(reason: Reason, since: datetime, settings: Settings) -> datetime:
    """When an entry of this reason stops counting."""
    lifetime = lifetime_of(reason, settings)
    return NEVER if lifetime is None else since + lifetime
