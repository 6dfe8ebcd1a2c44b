"""When to try again, and when to give up (RFC 5321 section 4.5.4.1). Pure: the clock and the dice are arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from random import Random

from services.sender.smtp.outcomes import Ambiguous, BounceClass, Bounced, Deferred, Failed, Outcome, Stage

MINUTE = 60.0
HOUR = 3600.0

STANDARD = "standard"
AMBIGUOUS = "ambiguous"

_TRANSACTION = frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT})

DEFAULT_DELAYS: dict[str, tuple[float, ...]] = {
    STANDARD: (
        5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, 1 * HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR,
    ),
    BounceClass.GREYLISTED: (
        5 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, 1 * HOUR, 2 * HOUR, 4 * HOUR, 6 * HOUR,
    ),
    BounceClass.THROTTLED: (15 * MINUTE, 30 * MINUTE, 60 * MINUTE),
    BounceClass.MAILBOX_FULL: (30 * MINUTE, 1 * HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR),
    BounceClass.ROUTE_DOWN: (1 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    AMBIGUOUS: (15 * MINUTE, 1 * HOUR),
}  # fmt: skip
DEFAULT_LIFETIMES: dict[str, float] = {STANDARD: 72 * HOUR, BounceClass.MAILBOX_FULL: 48 * HOUR}


@dataclass(frozen=True)
class RetrySchedule:
    """The schedule as data, from settings. All times are seconds.

    `delays` and `lifetimes` are keyed by bounce class, `ambiguous`, or `standard` for whatever has no list of its own.
    The last delay of a list repeats, except for what is tried a limited number of times: ambiguous outcomes (once for
    each of their delays) and refusals by a 5xx that is taken as transient at first (`permanent_retries`), however often
    the message was deferred before them.
    """

    delays: Mapping[str, Sequence[float]] = field(default_factory=lambda: dict(DEFAULT_DELAYS))
    lifetimes: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_LIFETIMES))
    jitter: float = 0.2
    permanent_retries: int = 3

    def delay(self, kind: str, attempt: int) -> float:
        """Seconds before the retry that follows attempt number `attempt` (from 1), without jitter."""
        delays = self.delays.get(kind) or self.delays[STANDARD]
        return delays[min(attempt, len(delays)) - 1]

    def lifetime(self, kind: str) -> timedelta:
        return timedelta(seconds=self.lifetimes.get(kind, self.lifetimes[STANDARD]))


def next_due(
    schedule: RetrySchedule,
    outcome: Deferred | Ambiguous,
    *,
    attempt: int,
    now: datetime,
    first_due_at: datetime,
    expires_at: datetime,
    rng: Random,
    ambiguous: int = 1,
    refused: int = 1,
) -> datetime | None:
    """When the retry after `outcome` is due; None means give up (see `given_up`).

    `attempt` counts the SMTP attempts so far, this one included; `ambiguous` those of them that ended ambiguous,
    `refused` those that were refused by a 5xx (see `is_refusal`). A retry never comes due at or after `expires_at`, nor
    after the lifetime of its class, counted from `first_due_at`: when the message could first be sent, which for a
    scheduled one is long after its acceptance.
    """
    kind, number = kind_of(outcome), ambiguous if isinstance(outcome, Ambiguous) else attempt
    most = most_retries(schedule, outcome)
    if most is not None and (ambiguous if isinstance(outcome, Ambiguous) else refused) > most:
        return None
    factor = 1 + schedule.jitter * (2 * rng.random() - 1)
    # A peer that still works on a message it was sent gets its time (RFC 1047): never sooner than the list says.
    if isinstance(outcome, Ambiguous):
        factor = max(factor, 1.0)
    due = now + timedelta(seconds=schedule.delay(kind, number) * factor)
    return due if due < min(expires_at, first_due_at + schedule.lifetime(kind)) else None


def given_up(outcome: Deferred | Ambiguous) -> Bounced | Failed:
    """What a message ends as when `next_due` is None: the last reply stands, and no address is suppressed for it.

    A peer's 5xx that was retried was a refusal after all: a soft bounce. Anything else has expired.
    """
    known = {each.name: getattr(outcome, each.name) for each in fields(outcome)}
    if is_refusal(outcome):
        return Bounced(**{**known, "hard": False})
    return Failed(**{**known, "class_": BounceClass.EXPIRED, "hard": False, "last_class": outcome.class_})


def kind_of(outcome: Deferred | Ambiguous) -> str:
    """The name of the outcome's delays and lifetime."""
    return AMBIGUOUS if isinstance(outcome, Ambiguous) else outcome.class_ or STANDARD


def most_retries(schedule: RetrySchedule, outcome: Deferred | Ambiguous) -> int | None:
    """How many retries an outcome of this kind has at most; None where only its lifetime ends them."""
    if isinstance(outcome, Ambiguous):
        return len(schedule.delays.get(AMBIGUOUS, DEFAULT_DELAYS[AMBIGUOUS]))
    return schedule.permanent_retries if is_refusal(outcome) else None


def is_refusal(outcome: Outcome) -> bool:
    """A 5xx to the message itself that is tried again: those to the session or to our credentials are not about it."""
    if not isinstance(outcome, Deferred) or outcome.class_ in (BounceClass.ROUTE_DOWN, BounceClass.TLS):
        return False
    return outcome.stage in _TRANSACTION and outcome.code is not None and outcome.code >= 500


def burns_attempt(outcome: Outcome) -> bool:
    """Whether it counts as an attempt at the message: a smart host that cannot be used has not tried it."""
    return not (isinstance(outcome, Deferred) and outcome.class_ is BounceClass.ROUTE_DOWN)


def in_words(schedule: RetrySchedule, outcome: Deferred | Ambiguous) -> str:
    """When an outcome of this kind is tried again, for people."""
    kind, most = kind_of(outcome), most_retries(schedule, outcome)
    name = kind if kind in schedule.delays else STANDARD
    delays = list(schedule.delays[name])[: most or None]
    end = "" if most else f", and so on for {schedule.lifetime(kind).total_seconds() / HOUR:g} h"
    return f"{name}: after {', '.join(f'{delay / MINUTE:g}' for delay in delays)} min{end}"
