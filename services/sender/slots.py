"""The connection slots that this process holds, and the lines of deliveries before them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from services.sender.arrivals import Held
from services.sender.fair import Line
from services.sender.store.destinations import Destinations

IDLE_SECONDS = 30.0
FIRST_CHUNK = 2
ASK_AGAIN_SECONDS = 0.5


class Slots:
    """One line for each destination that this process has work for. Slots are taken in chunks and kept while in use.

    One request at a time goes to the database, so that what this process believes is what stands there.
    """

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations
        self.lines: dict[str, Line[Held]] = {}
        self._limits: dict[str, int] = {}
        self._used: dict[str, float] = {}
        self._refused: dict[str, float] = {}
        self._asking = asyncio.Lock()

    def line(self, destination: str) -> Line[Held]:
        line = self.lines.get(destination)
        if line is None:
            line = self.lines[destination] = Line()
            self._used[destination] = time.monotonic()
        return line

    async def ensure(self, wanted: Mapping[str, tuple[int, int]]) -> None:
        """Asks for slots where the process has fewer than it can use (destination to deliveries and the limit).

        Where others hold what is wanted, it is asked for again only after a while.
        """
        now = time.monotonic()
        asked = {}
        for destination, (deliveries, limit) in wanted.items():
            self._limits[destination] = limit
            line = self.line(destination)
            self._used[destination] = now
            chunk = min(limit, max(FIRST_CHUNK, line.in_use + line.queued + deliveries))
            patient = self._refused.get(destination, 0) + ASK_AGAIN_SECONDS > now
            if line.slots > limit or (line.slots < chunk and not patient):
                asked[destination] = (chunk, limit)
        if asked:
            await self._hold(asked)

    async def renew(self) -> None:
        """Renews what is in use and asks for what more could be; gives up what has been idle."""
        now = time.monotonic()
        idle, wanted = [], {}
        for destination, line in self.lines.items():
            busy = line.in_use or line.queued
            if busy:
                self._used[destination] = now
            if not busy and now - self._used[destination] > IDLE_SECONDS:
                idle.append(destination)
                continue
            limit = self._limits.get(destination, line.slots)
            wanted[destination] = (min(limit, max(line.slots, line.in_use + line.queued)), limit)
        # forgotten before anything is awaited: whoever comes meanwhile begins a line of its own, and asks after us
        for destination in idle:
            self._forget(destination)
        if idle:
            async with self._asking:
                await self._destinations.let_go([each for each in idle if each not in self.lines])
        await self._hold(wanted)

    async def let_go(self) -> None:
        """Gives everything up: the process stops."""
        async with self._asking:
            destinations = list(self.lines)
            for destination in destinations:
                self._forget(destination)
            await self._destinations.let_go(destinations)

    async def _hold(self, wanted: Mapping[str, tuple[int, int]]) -> None:
        async with self._asking:
            granted = await self._destinations.hold({each: wanted[each] for each in wanted if each in self.lines})
        now = time.monotonic()
        for destination, slots in granted.items():
            self.line(destination).slots = slots
            if slots < wanted[destination][0]:
                self._refused[destination] = now
            else:
                self._refused.pop(destination, None)

    def _forget(self, destination: str) -> None:
        del self.lines[destination]
        for kept in (self._limits, self._used, self._refused):
            kept.pop(destination, None)
