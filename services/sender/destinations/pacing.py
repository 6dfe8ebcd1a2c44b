"""When the next delivery to a destination may begin: its rates, shared by all who hold its slots."""

from __future__ import annotations

import time
from typing import Literal

from services.sender.destinations.buckets import Bucket
from services.sender.destinations.name import parse
from services.sender.destinations.warmups import Warmups
from services.sender.slots import Slots
from services.sender.smtp.pool import Pool
from shared.mongo.clock import DatabaseClock

MINUTE = 60.0
Kind = Literal["messages", "connections"]


class Pacing:
    """Token buckets of this process: who holds k of the n slots that are allowed has k/n of each rate."""

    def __init__(self, slots: Slots, pool: Pool, warmups: Warmups, clock: DatabaseClock) -> None:
        self._slots = slots
        self._pool = pool
        self._warmups = warmups
        self._clock = clock
        self._buckets: dict[tuple[str, Kind], Bucket] = {}

    def wait(self, destination: str) -> float:
        """Seconds until a delivery may begin, 0 for now."""
        due, source = self._due(destination), parse(destination).source
        if not due and source is None:
            return 0.0
        waits = [bucket.wait(time.monotonic()) for bucket in due]
        return max([*waits, self._warmups.wait(source)])

    def begun(self, destination: str) -> bool:
        """One begins; False where its source has sent what it may today."""
        source = parse(destination).source
        if source is not None and self._warmups.is_full(source):
            return False
        for bucket in self._due(destination):
            bucket.take(time.monotonic())
        if source is not None:
            self._warmups.take(source)
        return True

    def rate(self, destination: str) -> float:
        """Messages a second of this process; 0 for no limit."""
        limits, standing = self._slots.limits(destination), self._slots.standing(destination)
        if limits is None or standing is None:
            return 0.0
        rate = limits.messages_per_second
        if standing.slow is not None and (slow := standing.slowed(self._clock.estimate())):
            rate = min(filter(None, (rate, slow.messages_per_minute / MINUTE)), default=0.0)
        return rate * self._share(destination) if rate else 0.0

    def forget(self) -> None:
        """Drops the buckets of destinations that this process has no line for."""
        for key in [key for key in self._buckets if key[0] not in self._slots.lines]:
            del self._buckets[key]

    def _share(self, destination: str) -> float:
        limits, standing = self._slots.limits(destination), self._slots.standing(destination)
        assert limits is not None
        assert standing is not None
        allowed = standing.allowed(limits.connections, self._clock.estimate())
        return min(1.0, self._slots.line(destination).slots / allowed) if allowed else 0.0

    def _due(self, destination: str) -> list[Bucket]:
        """The buckets that the next delivery takes from; a new connection's where none is idle."""
        due, limits = [], self._slots.limits(destination)
        if rate := self.rate(destination):
            due.append(self._bucket(destination, "messages", rate, rate))
        if limits is None or not limits.new_connections_per_minute or self._pool.idle_to(destination):
            return due
        if per_minute := limits.new_connections_per_minute * self._share(destination):
            due.append(self._bucket(destination, "connections", per_minute / MINUTE, per_minute / 10))
        return due

    def _bucket(self, destination: str, kind: Kind, rate: float, burst: float) -> Bucket:
        bucket, now = self._buckets.get((destination, kind)), time.monotonic()
        if bucket is None:
            bucket = self._buckets[destination, kind] = Bucket(rate, burst, now, tokens=max(1.0, burst))
        bucket.change(rate, burst, now)
        return bucket
