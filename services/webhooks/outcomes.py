"""What became of one post, and what that makes of its job. Pure: the clock and the dice are arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from random import Random

JITTER = 0.2
THROTTLED = frozenset({429, 502, 503, 504})
TOO_MANY = 429
GONE = 410


class JobState(StrEnum):
    """`waiting` has an attempt to come; the others are ends."""

    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    EXHAUSTED = "exhausted"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answered. `status` is None where no HTTP reply came; `error` says why then."""

    status: int | None
    seconds: float
    error: str | None = None
    retry_after: str | None = None
    excerpt: str = ""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def fault(self) -> str | None:
        """The class of the failure: the error's, or `http_3xx` (redirects are not followed), `http_4xx`, `http_5xx`."""
        if self.ok:
            return None
        return self.error or f"http_{(self.status or 0) // 100}xx"


@dataclass(frozen=True, slots=True)
class Decision:
    """The job's state after an attempt, when the next one is due, whether the endpoint asked for no more, and for how
    many seconds it asked to be left alone."""

    state: JobState
    next_at: datetime | None = None
    disable: bool = False
    hold: float = 0.0


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """`delays[n]` are the seconds before attempt n + 1; `longest_wait` caps what an endpoint may ask for, `throttle` is
    what a 429 asks for that names no time."""

    delays: Sequence[float]
    longest_wait: float
    throttle: float

    def decide(self, reply: Reply, attempt: int, now: datetime, rng: Random) -> Decision:
        """What follows on attempt number `attempt` (from 1), with 20 % of jitter against herds.

        Retry-After (RFC 9110 section 10.2.3) of a 429, 502, 503 or 504 delays the next attempt and never hastens it.
        """
        if reply.ok:
            return Decision(JobState.SUCCEEDED)
        if reply.status == GONE:
            return Decision(JobState.CANCELED, disable=True)
        hold = self._hold(reply, now)
        if attempt >= len(self.delays):
            return Decision(JobState.EXHAUSTED, hold=hold)
        delay = self.delays[attempt] * (1 + JITTER * (2 * rng.random() - 1))
        return Decision(JobState.WAITING, now + timedelta(seconds=max(delay, hold)), hold=hold)

    def _hold(self, reply: Reply, now: datetime) -> float:
        if reply.status not in THROTTLED:
            return 0.0
        if reply.retry_after is None:
            return self.throttle if reply.status == TOO_MANY else 0.0
        return min(retry_after_seconds(reply.retry_after, now), self.longest_wait)


def retry_after_seconds(value: str | None, now: datetime) -> float:
    """Seconds that a Retry-After asks for, as a number or an HTTP date; 0 where it is neither, or past."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
