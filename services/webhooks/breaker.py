"""The circuit breaker of one endpoint: one that is down is probed now and then instead of being posted to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Opens after `failures` in a row; waits `first` seconds before a probe, doubling up to `longest`."""

    failures: int = 10
    first: float = 30.0
    longest: float = 300.0


class Breaker:
    """Fed with `now` (seconds of any steady clock).

    Invariants: closed, it lets everything pass; open, at most one post at a time and none before `probe_at`; any
    success closes it.
    """

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._wait = policy.first
        self._probing = False
        self.probe_at: float | None = None

    @property
    def closed(self) -> bool:
        return self.probe_at is None

    @property
    def untroubled(self) -> bool:
        """Nothing to remember."""
        return self.closed and not self._failures

    def permits(self, now: float) -> bool:
        return self.probe_at is None or (not self._probing and now >= self.probe_at)

    def begin(self) -> None:
        """A post starts; in an open breaker it is the probe."""
        self._probing = not self.closed

    def succeeded(self) -> None:
        self._failures = 0
        self._wait = self._policy.first
        self._probing = False
        self.probe_at = None

    def failed(self, now: float) -> None:
        self._failures += 1
        if self.closed:
            if self._failures >= self._policy.failures:
                self.probe_at = now + self._wait
        elif self._probing:
            self._probing = False
            self._wait = min(self._wait * 2, self._policy.longest)
            self.probe_at = now + self._wait

    def abandoned(self) -> None:
        """The post ended without telling anything of the endpoint."""
        self._probing = False
