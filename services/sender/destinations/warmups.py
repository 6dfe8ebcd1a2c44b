"""What this process may still send today from sources that are warmed up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date, datetime

from services.sender.destinations.warmup import Source, block_of
from services.sender.store.warmups import DayCounts
from shared.mongo.clock import DatabaseClock
from shared.telemetry import metrics

ASKED_SECONDS = 0.05


class Warmups:
    """Takes a day's cap in blocks from the count of all processes. Days are UTC, by the database's clock."""

    def __init__(self, counts: DayCounts, clock: DatabaseClock) -> None:
        self._counts = counts
        self._clock = clock
        self._known: dict[str, Source] = {}
        self._left: dict[tuple[str, date], int] = {}
        self._full: set[tuple[str, date]] = set()
        self._asked: set[tuple[str, date]] = set()
        self._wanted = asyncio.Event()

    def know(self, sources: Iterable[Source]) -> None:
        """Takes the plans as the transports have them now; a cap that was raised is asked for again."""
        for source in sources:
            if self._known.get(source.address) != source:
                self._known[source.address] = source
                self._full = {key for key in self._full if key[0] != source.address}

    def full(self, sources: Iterable[Source], now: datetime) -> set[str]:
        """The addresses that have sent what they may on the day of `now`."""
        today = now.date()
        return {each.address for each in sources if each.cap(today) == 0 or (each.address, today) in self._full}

    def is_full(self, address: str | None) -> bool:
        source = self._known.get(address or "")
        return source is not None and bool(self.full([source], self._clock.estimate()))

    def wait(self, address: str | None) -> float:
        """Seconds until it is known whether another message may be sent; 0 where it is.

        What may not be sent does not wait here: it takes another way.
        """
        key = self._capped(address)
        if key is None or key in self._full or self._left.get(key, 0) > 0:
            return 0.0
        self._asked.add(key)
        self._wanted.set()
        return ASKED_SECONDS

    def take(self, address: str | None) -> None:
        """A message begins."""
        key = self._capped(address)
        if key is not None and self._left.get(key, 0) > 0:
            self._left[key] -= 1

    async def run(self, stopping: asyncio.Event) -> None:
        """Fetches what was asked for, until the process stops."""
        stopped = asyncio.create_task(stopping.wait())
        try:
            while not stopping.is_set():
                wanted = asyncio.create_task(self._wanted.wait())
                await asyncio.wait((stopped, wanted), return_when=asyncio.FIRST_COMPLETED)
                wanted.cancel()
                self._wanted.clear()
                await self.fetch()
        finally:
            stopped.cancel()

    async def fetch(self) -> None:
        """Takes a block of each count that was asked for, all in one call."""
        today = self._clock.estimate().date()
        # what was asked for again while a block was on its way has one now, and is not full if there is no other
        asked = [key for key in self._asked if key[1] == today and not self._left.get(key)]
        caps = {key: cap for key in asked if (cap := self._known[key[0]].cap(today))}
        self._asked.clear()
        self._left = {key: many for key, many in self._left.items() if key[1] == today}
        self._full = {key for key in self._full if key[1] == today}
        if not caps:
            return
        taken = await self._counts.take({key: (block_of(cap), cap) for key, cap in caps.items()})
        for key, (granted, used) in taken.items():
            self._left[key] = self._left.get(key, 0) + granted
            if not granted:
                self._full.add(key)
            metrics.WARMUP_USED.labels(key[0]).set(used)
            metrics.WARMUP_CAP.labels(key[0]).set(caps[key])

    async def give_back(self) -> None:
        """Gives back what is left of the blocks: the process stops."""
        left, self._left = {key: many for key, many in self._left.items() if many > 0}, {}
        await self._counts.give_back(left)

    def _capped(self, address: str | None) -> tuple[str, date] | None:
        """The count that a message from the address belongs to, None where the address has no cap today."""
        source = self._known.get(address or "")
        if source is None:
            return None
        today = self._clock.estimate().date()
        return (source.address, today) if source.cap(today) else None
