"""Counts what leaves the queue, and writes it down every few seconds for those who look at how fast that goes."""

from __future__ import annotations

from collections import Counter

from services.sender.arrivals import Held
from services.sender.store.drained import Drained, Place
from shared.mongo.clock import DatabaseClock

FLUSH_SECONDS = 2.0


class Drain:
    """What this process has ended and has not written yet."""

    def __init__(self, store: Drained, clock: DatabaseClock) -> None:
        self._store = store
        self._clock = clock
        self._counts: Counter[Place] = Counter()

    def ended(self, held: Held) -> None:
        self._counts[held.workspace_id, str(held.lane)] += 1

    async def flush(self) -> None:
        """Writes the counts; what is lost with a write that fails is missing in a rate and nowhere else."""
        counts, self._counts = self._counts, Counter()
        if counts:
            await self._store.add(counts, await self._clock.current())
