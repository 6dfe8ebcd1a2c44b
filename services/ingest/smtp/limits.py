"""Guesses at passwords: how long whoever fails has to wait."""

from __future__ import annotations

LONGEST_LOGIN_DELAY = 30.0
FAILURES_KEPT_SECONDS = 900.0
MOST_FAILURES_KEPT = 10_000


class LoginGuard:
    """How long the next try of an address at a user has to wait: doubling with each failure, for a quarter of an hour.

    Times are seconds of a monotonic clock.
    """

    def __init__(self, first_delay: float) -> None:
        self._first = first_delay
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}

    def delay(self, address: str, user: str, now: float) -> float:
        count, last = self._failures.get((address, user), (0, now))
        if not count or now - last > FAILURES_KEPT_SECONDS:
            return 0.0
        return min(LONGEST_LOGIN_DELAY, self._first * 2.0 ** min(count - 1, 10))

    def failed(self, address: str, user: str, now: float) -> None:
        count, last = self._failures.pop((address, user), (0, now))
        if now - last > FAILURES_KEPT_SECONDS:
            count = 0
        if len(self._failures) >= MOST_FAILURES_KEPT:
            del self._failures[next(iter(self._failures))]  # the one that failed longest ago
        self._failures[address, user] = count + 1, now

    def passed(self, address: str, user: str) -> None:
        self._failures.pop((address, user), None)
