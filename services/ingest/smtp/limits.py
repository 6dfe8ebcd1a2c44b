"""What one process takes in at once: connections, bytes of messages, and guesses at passwords."""

from __future__ import annotations

from collections import Counter

LONGEST_LOGIN_DELAY = 30.0
FAILURES_KEPT_SECONDS = 900.0
MOST_FAILURES_KEPT = 10_000


class ConnectionLimits:
    """Counts connections, all of them and by address."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._by_address: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """False where this one is too many; otherwise `leave` has to follow."""
        if self._by_address.total() >= self._most or self._by_address[address] >= self._most_per_address:
            return False
        self._by_address[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class ByteBudget:
    """The bytes of messages that all connections together may hold."""

    def __init__(self, most: int) -> None:
        self.free = most

    def take(self, count: int) -> bool:
        """False where so much is not left; nothing is taken then."""
        if count > self.free:
            return False
        self.free -= count
        return True

    def give_back(self, count: int) -> None:
        self.free += count


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
