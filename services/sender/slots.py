"""The connection slots that this process holds, and the lines of deliveries before them."""

from __future__ import annotations

import time
from collections.abc import Mapping

from services.sender.arrivals import Held
from services.sender.fair import Line
from services.sender.store.destinations import Destinations

IDLE_SECONDS = 30.0
FIRST_CHUNK = 2


class Slots:
    """One line for each destination that this process has work for. Slots are taken in chunks and kept while in use."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations
        self.lines: dict[str, Line[Held]] = {}
        self._limits: dict[str, int] = {}
        self._used: dict[str, float] = {}

    def line(self, destination: str) -> Line[Held]:
        return self.lines.setdefault(destination, Line())

    async def ensure(self, wanted: Mapping[str, tuple[int, int]]) -> None:
        """Asks for slots where the process has fewer than it can use (destination to deliveries and the limit)."""
        now = time.monotonic()
        asked = {}
        for destination, (deliveries, limit) in wanted.items():
            self._limits[destination] = limit
            self._used[destination] = now
            line = self.line(destination)
            chunk = min(limit, max(FIRST_CHUNK, line.in_use + deliveries))
            if line.slots < chunk:
                asked[destination] = (chunk, limit)
        self._grant(await self._destinations.hold(asked))

    async def renew(self) -> None:
        """Renews what is in use and asks for what more could be; gives up what has been idle."""
        now = time.monotonic()
        idle, wanted = [], {}
        for destination, line in self.lines.items():
            busy = line.in_use or line.queued
            if busy:
                self._used[destination] = now
            if not busy and now - self._used.get(destination, now) > IDLE_SECONDS:
                idle.append(destination)
                continue
            limit = self._limits.get(destination, line.slots)
            wanted[destination] = (min(limit, max(line.slots, line.in_use + line.queued)), limit)
        self._grant(await self._destinations.hold(wanted))
        for destination in idle:
            del self.lines[destination]
            self._limits.pop(destination, None)
            self._used.pop(destination, None)
        await self._destinations.let_go(idle)

    async def let_go(self) -> None:
        """Gives everything up: the process stops."""
        await self._destinations.let_go(list(self.lines))

    def _grant(self, granted: Mapping[str, int]) -> None:
        for destination, slots in granted.items():
            self.line(destination).slots = slots
