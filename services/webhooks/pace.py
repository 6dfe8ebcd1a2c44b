"""How many posts may begin in a second: a token bucket, kept as the one moment when it will be full."""

from __future__ import annotations

BURST_SECONDS = 1.0


class Pace:
    """At most `per_second` begin in any second on average, and at once as many as a second allows, but at least one.

    Fed with `now` (seconds of any steady clock).
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._full_at = 0.0

    @property
    def _room(self) -> float:
        """How far ahead of the clock the bucket may be emptied: all of it but the one post that asks."""
        return max(0.0, BURST_SECONDS - 1 / self.per_second)

    def next_at(self, now: float) -> float:
        """When the next post may begin: `now` where one may at once."""
        return max(now, self._full_at - self._room)

    def permits(self, now: float) -> bool:
        return self._full_at - self._room <= now

    def begin(self, now: float) -> None:
        self._full_at = max(now, self._full_at) + 1 / self.per_second

    def full(self, now: float) -> bool:
        """Nothing to remember."""
        return self._full_at <= now
