"""Rate limits: token buckets, and what callers are told of them (draft-ietf-httpapi-ratelimit-headers-10)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

MOST_BUCKETS = 50_000
ROUNDING = 1e-6  # of a request: what sums of floating-point numbers may be off


@dataclass(frozen=True, slots=True)
class Policy:
    """`quota` requests in each `window` seconds; `name` is how callers know it."""

    name: str
    quota: int
    window: int = 60

    @property
    def field(self) -> str:
        """Its item in `RateLimit-Policy`, a list of structured fields (RFC 9651 section 3.1)."""
        return f'"{self.name}";q={self.quota};w={self.window}'


class Share:
    """One process's part of a policy: one of `replicas` equal parts, but at least one request."""

    __slots__ = ("capacity", "policy", "rate", "replicas")

    def __init__(self, policy: Policy, replicas: int = 1) -> None:
        self.policy = policy
        self.replicas = replicas
        self.capacity = max(1.0, policy.quota / replicas)
        self.rate = policy.quota / replicas / policy.window

    def standing(self, level: float) -> Standing:
        """What is told of a bucket: of the whole, as if all processes' were as full, which they are where callers reach
        all alike."""
        if level < 1 - ROUNDING:
            remaining, missing = 0, 1 - level
        else:
            remaining = min(self.policy.quota, int((level + ROUNDING) * self.replicas))
            missing = self.capacity - level
        return Standing(self.policy, remaining, max(0, math.ceil((missing - ROUNDING / 2) / self.rate)))


class Standing(NamedTuple):
    """Where a caller stands under a policy.

    `reset` is in seconds: until one more request is possible where none is left, else until all are.
    """

    policy: Policy
    remaining: int
    reset: int

    @property
    def field(self) -> str:
        """Its item in `RateLimit`."""
        return f'"{self.policy.name}";r={self.remaining};t={self.reset}'


class Decision(NamedTuple):
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


class _Bucket:
    __slots__ = ("at", "level", "share")

    def __init__(self, share: Share, at: float) -> None:
        self.share = share
        self.level = share.capacity
        self.at = at

    def fill(self, share: Share, now: float) -> None:
        """Adds what ran in since it was last looked at, by the policy that holds now."""
        self.level = min(share.capacity, self.level + (now - self.at) * share.rate)
        self.share = share
        self.at = now


class Buckets:
    """The buckets of one process, by name."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._most = MOST_BUCKETS

    def take(self, *asked: tuple[str, Share]) -> Decision:
        """Takes one from each bucket, named with its share; from none where any of them is empty."""
        now = self._clock()
        buckets = [self._filled(name, share, now) for name, share in asked]
        violated = tuple([each.share.policy.name for each in buckets if each.level < 1 - ROUNDING])
        if not violated:
            for bucket in buckets:
                bucket.level = max(0.0, bucket.level - 1)
        return Decision(tuple([each.share.standing(each.level) for each in buckets]), violated)

    def _filled(self, name: str, share: Share, now: float) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            if len(self._buckets) >= self._most:
                self._forget_full(now)
            bucket = self._buckets[name] = _Bucket(share, now)
        else:
            bucket.fill(share, now)
        return bucket

    def _forget_full(self, now: float) -> None:
        """A bucket that is full again is as good as none."""
        for bucket in self._buckets.values():
            bucket.fill(bucket.share, now)
        self._buckets = {name: each for name, each in self._buckets.items() if each.level < each.share.capacity}
        self._most = max(MOST_BUCKETS, 2 * len(self._buckets))
