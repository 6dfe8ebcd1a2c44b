"""The gauges of how destinations stand, added up by provider: there are few of them, and no end of destinations."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from services.sender.destinations.name import parse
from services.sender.destinations.pacing import Pacing
from services.sender.slots import Slots
from services.sender.smtp.pool import Pool
from shared.mongo.clock import DatabaseClock
from shared.telemetry import metrics


class Standings:
    """Sets the gauges; one whose provider this process has no destination of any more is 0."""

    def __init__(self, slots: Slots, pacing: Pacing, pool: Pool, clock: DatabaseClock) -> None:
        self._slots = slots
        self._pacing = pacing
        self._pool = pool
        self._clock = clock
        self._shown: set[str] = set()

    async def measure(self) -> None:
        now = await self._clock.current()
        open_, slots, allowed, cooling = (Counter[str]() for _ in range(4))
        rate: dict[str, float] = {}
        for destination, line in self._slots.lines.items():
            provider = parse(destination).provider
            open_[provider] += self._pool.open_to(destination)
            slots[provider] += line.slots
            allowed[provider] += self._allowed(destination, now)
            cooling[provider] += self._is_cooling(destination, now)
            rate[provider] = rate.get(provider, 0.0) + self._pacing.rate(destination)
        self._shown |= open_.keys()
        for provider in self._shown:
            metrics.DESTINATION_CONNECTIONS.labels(provider).set(open_[provider])
            metrics.DESTINATION_SLOTS.labels(provider).set(slots[provider])
            metrics.DESTINATION_LIMIT.labels(provider).set(allowed[provider])
            metrics.DESTINATIONS_COOLING.labels(provider).set(cooling[provider])
            metrics.DESTINATION_RATE.labels(provider).set(rate.get(provider, 0.0))

    def _allowed(self, destination: str, now: datetime) -> int:
        limits, standing = self._slots.limits(destination), self._slots.standing(destination)
        return standing.allowed(limits.connections, now) if limits and standing else 0

    def _is_cooling(self, destination: str, now: datetime) -> bool:
        standing = self._slots.standing(destination)
        return standing is not None and standing.cooling(now)
