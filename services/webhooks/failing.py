"""When an endpoint that fails is disabled. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Failing:
    """What is remembered of an endpoint with nothing but failures: how many since `first_at`, counted as far as it
    matters, and `since` when its clock runs, None before that."""

    first_at: datetime
    failures: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class FailingPolicy:
    """The clock begins with the failure, at least the `failures`-th, that comes `spread` or more after the first one
    of the same day; it has run out when it has run for `patience`. A success ends it all."""

    failures: int
    spread: timedelta
    patience: timedelta

    def failed(self, known: Failing | None, at: datetime) -> Failing:
        """What is remembered after a failure; the same as before where nothing has changed that matters."""
        if known is None or (known.since is None and at - known.first_at > DAY):
            return Failing(at, 1)
        if known.since is not None:
            return known
        failures = min(known.failures + 1, self.failures)
        if failures >= self.failures and at - known.first_at >= self.spread:
            return Failing(known.first_at, failures, at)
        return known if failures == known.failures else replace(known, failures=failures)

    def over(self, known: Failing | None, at: datetime) -> bool:
        """True where the endpoint has failed for long enough to be disabled."""
        return known is not None and known.since is not None and at - known.since >= self.patience
