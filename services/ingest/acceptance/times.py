"""When a message may go out: RFC 3339 times, how far ahead they may be, and how long a message lives. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.ingest.faults import Faults, pointer_to
from services.ingest.forms import parse_time

LONGEST_LIFE = timedelta(days=7)
FURTHEST_AHEAD = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Times:
    """`scheduled_at` is None for what goes out at once, and for what was scheduled for a moment that has passed."""

    scheduled_at: datetime | None
    expires_at: datetime


def check_times(scheduled: str | None, expires: str | None, now: datetime, life: timedelta, faults: Faults) -> Times:
    """`life` is how long a message without `expires_at` may take, from its acceptance or from when it is due."""
    scheduled_at = _moment("scheduled_at", scheduled, faults)
    if scheduled_at is not None and scheduled_at > now + FURTHEST_AHEAD:
        faults.add("#/scheduled_at", "too_late", f"`scheduled_at` may be at most {FURTHEST_AHEAD.days} days ahead.")
    if scheduled_at is not None and scheduled_at <= now:
        scheduled_at = None
    begins = scheduled_at or now
    expires_at = _moment("expires_at", expires, faults)
    if expires_at is None:
        return Times(scheduled_at, begins + life)
    if expires_at <= now:
        faults.add("#/expires_at", "in_the_past", "`expires_at` must be in the future.")
    elif expires_at <= begins:
        faults.add("#/expires_at", "before_scheduled_at", "`expires_at` must be later than `scheduled_at`.")
    elif expires_at > begins + LONGEST_LIFE:
        since = "scheduled_at" if scheduled_at else "now"
        faults.add("#/expires_at", "too_late", f"`expires_at` may be at most {LONGEST_LIFE.days} days from {since}.")
    return Times(scheduled_at, expires_at)


def _moment(name: str, text: str | None, faults: Faults) -> datetime | None:
    if text is None:
        return None
    moment = parse_time(text)
    if moment is None:
        faults.add(pointer_to(name), "invalid_time", f"`{name}` must be an RFC 3339 time with its offset.")
    return moment
