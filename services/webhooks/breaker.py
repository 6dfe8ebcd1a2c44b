"""The circuit breaker of one endpoint: one that is down, or asks for a pause, is probed now and then instead of being
posted to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Opens after `failures` in a row; waits `first` seconds before a probe, doubling up to `longest`."""

    failures: int = 10
    first: float = 30.0
    longest: float = 300.0


class Breaker:
    """Fed with `now` (seconds of any steady clock). It was closed last at `closed_at`.

    Invariants: closed, it lets everything pass; open, at most one post at a time and none before `probe_at`; any
    success closes it, but none before the end of a pause that the endpoint has asked for.
    """

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._wait = policy.first
        self._probing = False
        self._held_until = 0.0
        self.probe_at: float | None = None
        self.closed_at = float("-inf")

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

    def hold(self, until: float) -> None:
        """The endpoint asks for a pause; a later end that it asked for before stays."""
        self._held_until = max(self._held_until, until)
        self.probe_at = max(self.probe_at or 0.0, until)

    def succeeded(self, now: float) -> None:
        self._failures = 0
        self._wait = self._policy.first
        self._probing = False
        if not self.closed:
            self.closed_at = now
        self.probe_at = self._held_until if now < self._held_until else None

    def failed(self, now: float) -> None:
        self._failures += 1
        if self.closed:
            if self._failures >= self._policy.failures:
                self.probe_at = now + self._wait
        elif self._probing:
            self._probing = False
            self._wait = min(self._wait * 2, self._policy.longest)
            self.probe_at = max(now + self._wait, self._held_until)

    def abandoned(self) -> None:
        """The post ended without telling anything of the endpoint."""
        self._probing = False
