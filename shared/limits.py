"""Rate limits: token buckets, and what callers are told of them (draft-ietf-httpapi-ratelimit-headers-10)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

MOST_BUCKETS = 50_000
ROUNDING = 1e-6  # of a request: what sums of floating-point numbers may be off


@dataclass(frozen=True, slots=True)
class Policy:
    """`quota` requests in each `window` seconds; `name` is how callers know it."""

    name: str
    quota: int
    window: int = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands under a policy.

    `reset` is in seconds: until one more request is possible where none is left, else until all are.
    """

    policy: Policy
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one request; `violated` are the names of the policies that refused it, none where it may go on."""

    standings: tuple[Standing, ...]
    violated: tuple[str, ...]

    @property
    def retry_after(self) -> int:
        """Seconds until the request would be let through."""
        return max([1, *(each.reset for each in self.standings if each.policy.name in self.violated)])

    @property
    def tightest(self) -> Standing:
        """The standing with the least left, for callers that are told of one limit only."""
        return min(self.standings, key=lambda standing: standing.remaining)

    @property
    def policy_field(self) -> str:
        """The value of `RateLimit-Policy`, a list of structured fields (RFC 9651 section 3.1)."""
        return ", ".join(
            f'"{each.policy.name}";q={each.policy.quota};w={each.policy.window}' for each in self.standings
        )

    @property
    def limit_field(self) -> str:
        """The value of `RateLimit`."""
        return ", ".join(f'"{each.policy.name}";r={each.remaining};t={each.reset}' for each in self.standings)


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float
    full_at: float


class Buckets:
    """The buckets of one process, each with its share of the policy's quota: one of `replicas` equal parts, but at
    least one request.

    What is told of them is this process's level times the number of processes: right where callers reach all alike.
    """

    def __init__(self, clock: Callable[[], float], replicas: int = 1) -> None:
        self._clock = clock
        self._replicas = replicas
        self._buckets: dict[str, _Bucket] = {}
        self._most = MOST_BUCKETS

    def take(self, *asked: tuple[str, Policy]) -> Decision:
        """Takes one from each bucket, named with its policy; from none where any of them is empty."""
        now = self._clock()
        levels = [self._level(name, policy, now) for name, policy in asked]
        violated = tuple(policy.name for (_, policy), level in zip(asked, levels, strict=True) if level < 1 - ROUNDING)
        if not violated:
            levels = [max(0.0, level - 1) for level in levels]
            for (name, policy), level in zip(asked, levels, strict=True):
                self._keep(name, policy, level, now)
        return Decision(
            tuple(self._standing(policy, level) for (_, policy), level in zip(asked, levels, strict=True)), violated
        )

    def _capacity(self, policy: Policy) -> float:
        return max(1.0, policy.quota / self._replicas)

    def _rate(self, policy: Policy) -> float:
        return policy.quota / self._replicas / policy.window

    def _level(self, name: str, policy: Policy, now: float) -> float:
        bucket = self._buckets.get(name)
        if bucket is None:
            return self._capacity(policy)
        return min(self._capacity(policy), bucket.level + (now - bucket.at) * self._rate(policy))

    def _keep(self, name: str, policy: Policy, level: float, now: float) -> None:
        if name not in self._buckets and len(self._buckets) >= self._most:
            self._forget_full(now)
        full_at = now + (self._capacity(policy) - level) / self._rate(policy)
        self._buckets[name] = _Bucket(level, now, full_at)

    def _forget_full(self, now: float) -> None:
        """A bucket that is full again is as good as none."""
        self._buckets = {name: bucket for name, bucket in self._buckets.items() if bucket.full_at > now}
        self._most = max(MOST_BUCKETS, 2 * len(self._buckets))

    def _standing(self, policy: Policy, level: float) -> Standing:
        missing = 1 - level if level < 1 - ROUNDING else self._capacity(policy) - level
        remaining = min(policy.quota, math.floor((level + ROUNDING) * self._replicas)) if level >= 1 - ROUNDING else 0
        return Standing(policy, remaining, max(0, math.ceil((missing - ROUNDING / 2) / self._rate(policy))))
