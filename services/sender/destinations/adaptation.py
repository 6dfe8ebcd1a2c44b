"""How many connections a destination is given, by how it answers. Pure: no clock, no store.

Additive increase, multiplicative decrease (Chiu and Jain, 1989) over cohorts, as mail servers do it: a destination
begins with two connections, gets one more when as many deliveries as it has connections went well, and half of them
when it throttles or cannot be reached. When a whole cohort has failed it is left alone for a while, longer each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FIRST_WINDOW = 2


@dataclass(frozen=True, slots=True)
class Slow:
    """What a refusal's text asked for, until then: connections, and messages a minute (0: no limit)."""

    until: datetime
    connections: int
    messages_per_minute: float
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a destination stands, for all processes together.

    `good` counts what went well since the window changed, `failed` the failures since anything did, of which `cohort`
    are all. `step` is the number of cooldowns in a row; `why` the refusal that began the one that ends at `until`.
    """

    window: int = FIRST_WINDOW
    good: int = 0
    failed: int = 0
    cohort: int = FIRST_WINDOW
    step: int = 0
    until: datetime | None = None
    why: str = ""
    slow: Slow | None = None

    def cooling(self, now: datetime) -> bool:
        return self.until is not None and self.until > now

    def slowed(self, now: datetime) -> Slow | None:
        return self.slow if self.slow is not None and self.slow.until > now else None

    def allowed(self, limit: int, now: datetime) -> int:
        """The connections that all processes together may have now."""
        if self.cooling(now):
            return 0
        slow = self.slowed(now)
        return min(limit, self.window, slow.connections if slow else limit)

    def waits_for(self, now: datetime) -> tuple[str, datetime] | None:
        """Why deliveries wait and until when, where that is known."""
        if self.until is not None and self.until > now:
            return f"the destination is left alone after: {self.why}", self.until
        slow = self.slowed(now)
        return (f"the destination is slowed down after: {slow.why}", slow.until) if slow else None


@dataclass(slots=True)
class Observed:
    """What one process has seen since it last said so: how much went well, and what failed since then.

    `fresh` says that a failure began after the last decrease was known: others were under way already, and say nothing
    new. `slow` and `suspended` are what a text asked for; `why` is the last refusal.
    """

    good: int = 0
    failed: int = 0
    fresh: bool = False
    why: str = ""
    slow: Slow | None = None
    suspended: datetime | None = None

    def succeeded(self) -> None:
        self.good += 1
        self.failed = 0

    def refused(self, why: str, *, fresh: bool) -> None:
        self.failed += 1
        self.fresh = self.fresh or fresh
        self.why = why


def after(standing: Standing, seen: Observed, limit: int, cooldowns: Sequence[float], now: datetime) -> Standing:
    """The standing after what was seen. `limit` is the most connections, `cooldowns` seconds, one after the other.

    The same standing comes back where nothing is to be remembered.
    """
    if seen.slow is not None or seen.suspended is not None:
        return _triggered(standing, seen, now)
    if standing.cooling(now):
        return standing
    if seen.failed or seen.fresh:
        return _failed(standing, seen, cooldowns, now)
    return _succeeded(standing, seen.good, limit) if seen.good else standing


def _triggered(standing: Standing, seen: Observed, now: datetime) -> Standing:
    """The text decides, and goes before the count: how many connections there will be, or none until then."""
    if seen.suspended is not None:
        until = max(seen.suspended, standing.until or seen.suspended)
        return replace(standing, window=1, good=0, failed=0, cohort=1, until=until, why=seen.why)
    if seen.slow is None or (standing.slow is not None and standing.slow.until >= seen.slow.until):
        return standing
    return replace(standing, window=max(1, standing.window // 2), good=0, failed=0, slow=seen.slow)


def _failed(standing: Standing, seen: Observed, cooldowns: Sequence[float], now: datetime) -> Standing:
    before = 0 if seen.good else standing.failed
    # how many were under way when the first of them failed
    cohort = standing.cohort if before else standing.window
    failed = before + seen.failed
    window = max(1, standing.window // 2) if seen.fresh else standing.window
    if failed < cohort:
        return replace(standing, window=window, good=0, failed=failed, cohort=cohort)
    seconds = cooldowns[min(standing.step, len(cooldowns) - 1)]
    until = now + timedelta(seconds=seconds)
    return replace(standing, window=1, good=0, failed=0, cohort=1, step=standing.step + 1, until=until, why=seen.why)


def _succeeded(standing: Standing, good: int, limit: int) -> Standing:
    window, good = standing.window, standing.good + good
    step = 0 if good >= window else standing.step
    while window < limit and good >= window:
        good -= window
        window += 1
    return replace(standing, window=window, good=good if window < limit else 0, failed=0, cohort=window, step=step)
