"""The circuit breaker of a way: a transport, or a transport towards one rollup. Pure, the clock is an argument.

Closed, mail takes the way. Open, it does not, for a time that doubles. Then it is half-open: a few messages try, and
what becomes of them closes it or opens it again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.router.health.standing import State

Key = tuple[str, str | None]
"""A transport's id, and a rollup where it is not the transport altogether."""
FORGOTTEN = timedelta(days=1)
TRAFFIC, OPERATOR = "traffic", "operator"


@dataclass(frozen=True, slots=True)
class Policy:
    """Opens where of at least `least` attempts a `share` was troubled, for `first` at first and `longest` at most; a
    direct transport as a whole only where `rollups` destinations are cut off. `successes` close it again."""

    window: timedelta = timedelta(minutes=5)
    least: int = 10
    share: float = 0.5
    first: timedelta = timedelta(seconds=60)
    longest: timedelta = timedelta(minutes=30)
    successes: int = 3
    rollups: int = 3

    def wait(self, openings: int) -> timedelta:
        """How long it stays open the `openings`-th time in a row, from 1."""
        doubled: timedelta = self.first * 2 ** min(openings - 1, 20)
        return min(self.longest, doubled)


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts in a time, and how many of them were troubled (failed for the way's own reasons, or blocked), or say
    nothing of the way. `cut_off` are the destinations of a direct transport that it had reached before and does not
    reach any more."""

    attempts: int = 0
    troubled: int = 0
    unclear: int = 0
    cut_off: tuple[str, ...] = ()

    @property
    def fine(self) -> int:
        return self.attempts - self.troubled - self.unclear

    @property
    def share(self) -> float:
        return self.troubled / self.attempts if self.attempts else 0.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """One state of a breaker. `openings` counts those in a row, `until` is when an open one lets the first ones try
    (None: not by itself), `why` is in words, `tally` what opened it, and `by` is the traffic or the operator."""

    key: Key
    state: State = State.CLOSED
    since: datetime | None = None
    until: datetime | None = None
    openings: int = 0
    why: str | None = None
    by: str = TRAFFIC
    tally: Tally = Tally()
    version: int = 0


def judge(breaker: Breaker, tally: Tally, now: datetime, policy: Policy) -> Breaker:
    """The breaker as it is at `now`, the same one where it does not change. `tally` is of the window, without
    what came before its last change; of a half-open one, of all that came after it."""
    match breaker.state:
        case State.CLOSED:
            if tally.attempts >= policy.least and tally.share >= policy.share:
                return _opened(breaker, tally, now, policy)
        case State.OPEN:
            if breaker.until is not None and breaker.until <= now:
                return replace(breaker, state=State.HALF_OPEN, since=now, until=None)
        case State.HALF_OPEN:
            if tally.troubled and tally.share >= policy.share:
                return _opened(breaker, tally, now, policy)
            forgotten = breaker.since is not None and now - breaker.since >= FORGOTTEN
            if tally.fine >= policy.successes or forgotten:
                return closed(breaker, now)
    return breaker


def closed(breaker: Breaker, now: datetime, by: str = TRAFFIC, why: str | None = None) -> Breaker:
    """Closed, with nothing held against it."""
    return Breaker(breaker.key, State.CLOSED, now, by=by, why=why, version=breaker.version)


def tripped(breaker: Breaker, now: datetime, until: datetime | None, why: str) -> Breaker:
    """Opened by the operator: until then, or (None) until they close it."""
    return Breaker(breaker.key, State.OPEN, now, until, 1, why, OPERATOR, version=breaker.version)


def in_words(tally: Tally) -> str:
    """What was wrong, without how much mail there was: others than its senders may read it."""
    if tally.cut_off:
        return f"{len(tally.cut_off)} destinations that it had reached before could not be reached"
    return f"{tally.share:.0%} of its attempts failed for reasons of its own, or were blocked"


def _opened(breaker: Breaker, tally: Tally, now: datetime, policy: Policy) -> Breaker:
    openings, why = breaker.openings + 1, in_words(tally)
    return Breaker(
        breaker.key, State.OPEN, now, now + policy.wait(openings), openings, why, tally=tally, version=breaker.version
    )
