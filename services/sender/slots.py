"""The connection slots that this process holds, and the lines of deliveries before them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from services.sender.arrivals import Held
from services.sender.destinations.adaptation import Standing
from services.sender.destinations.table import Limits
from services.sender.fair import Line
from services.sender.smtp.pool import Pool
from services.sender.store.destinations import Destinations, Grant
from shared.mongo.clock import DatabaseClock

IDLE_SECONDS = 30.0
FIRST_CHUNK = 2
ASK_AGAIN_SECONDS = 0.5
SAFE_SHARE = 0.9  # of a lease, after which others may have what was held


class Slots:
    """One line for each destination that this process has work for. Slots are taken in chunks and kept while in use.

    One request at a time goes to the database, so that what this process believes is what stands there. What it holds
    is given back only when the connections are gone: the pool keeps each destination within its slots.
    """

    def __init__(self, destinations: Destinations, pool: Pool, clock: DatabaseClock, lease_seconds: float) -> None:
        self._destinations = destinations
        self._pool = pool
        self._clock = clock
        self._lease = SAFE_SHARE * lease_seconds
        self.lines: dict[str, Line[Held]] = {}
        self._limits: dict[str, Limits] = {}
        self._grants: dict[str, Grant] = {}
        self._until: dict[str, float] = {}
        self._used: dict[str, float] = {}
        self._refused: dict[str, float] = {}
        self._decreased: dict[str, float] = {}
        self._looked: datetime | None = None
        self._asking = asyncio.Lock()

    def line(self, destination: str) -> Line[Held]:
        line = self.lines.get(destination)
        if line is None:
            line = self.lines[destination] = Line()
            self._used[destination] = time.monotonic()
        return line

    def limits(self, destination: str) -> Limits | None:
        return self._limits.get(destination)

    def standing(self, destination: str) -> Standing | None:
        """How a destination stands, as far as this process knows."""
        grant = self._grants.get(destination)
        return grant.standing if grant else None

    def decreased_at(self, destination: str) -> float:
        """The monotonic time at which this process learned of the last decrease."""
        return self._decreased.get(destination, 0.0)

    def lapsed(self, destination: str) -> bool:
        """Whether others may have this process's slots by now: it could not renew them. Then its line is stopped."""
        if self._until.get(destination, 0.0) >= time.monotonic():
            return False
        self.line(destination).slots = 0
        self._pool.allow(destination, 0)
        return True

    async def ensure(self, wanted: Mapping[str, tuple[int, Limits]]) -> None:
        """Asks for slots where the process has fewer than it can use (destination to deliveries and the limits).

        Where others hold what is wanted, it is asked for again only after a while.
        """
        now, at = time.monotonic(), await self._clock.current()
        asked = {}
        for destination, (deliveries, limits) in wanted.items():
            self._limits[destination] = limits
            line = self.line(destination)
            self._used[destination] = now
            known = self._grants.get(destination)
            allowed = known.standing.allowed(limits.connections, at) if known else limits.connections
            chunk = min(allowed, max(FIRST_CHUNK, line.in_use + line.queued + deliveries))
            if line.slots < chunk and not self._patient(destination, now):
                asked[destination] = chunk
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
            wanted[destination] = max(line.slots, line.in_use + line.queued)
        # forgotten before anything is awaited: whoever comes meanwhile begins a line of its own, and asks after us
        for destination in idle:
            self._forget(destination)
        if idle:
            async with self._asking:
                await self._destinations.let_go([each for each in idle if each not in self.lines])
        await self._hold(wanted)

    async def settle(self) -> None:
        """Learns how other processes have changed the destinations; gives back what is more than its share, and asks
        for more where more has come to be allowed."""
        async with self._asking:
            since, self._looked = self._looked, await self._clock.current()
            changed = await self._destinations.changed(since or self._looked)
            for destination, grant in changed.items():
                if destination in self.lines and grant.version != self._known(destination).version:
                    self._learn(destination, grant, self._looked)
        now, wanted = time.monotonic(), {}
        for destination, line in self.lines.items():
            known, useful = self._known(destination), line.in_use + line.queued
            if known.mine > max(line.slots, self._busy(destination)):
                wanted[destination] = line.slots
            elif line.slots < min(useful, known.standing.allowed(known.limit, self._looked)) and not self._patient(
                destination, now
            ):
                wanted[destination] = useful
        await self._hold(wanted)

    async def adapt(self, changes: Mapping[str, Standing]) -> Collection[str]:
        """Writes new standings; returns which of them it was the first to change."""
        async with self._asking:
            known = {each: self._known(each) for each in changes}
            written = await self._destinations.adapt(
                {each: (known[each].version, standing) for each, standing in changes.items()}
            )
            missed = [each for each in changes if each not in written]
            found = await self._destinations.find(missed) if missed else {}
            found |= {
                each: replace(known[each], standing=changes[each], version=version) for each, version in written.items()
            }
            now = await self._clock.current()
            for destination, grant in found.items():
                if destination in self.lines:
                    self._learn(destination, grant, now)
        return written.keys()

    async def let_go(self) -> None:
        """Gives everything up: the process stops."""
        async with self._asking:
            destinations = list(self.lines)
            for destination in destinations:
                self._forget(destination)
            await self._destinations.let_go(destinations)

    async def _hold(self, wanted: Mapping[str, int]) -> None:
        async with self._asking:
            asked = time.monotonic()
            requests = {
                destination: (max(many, self._busy(destination)), self._limits[destination].connections)
                for destination, many in wanted.items()
                if destination in self.lines and destination in self._limits
            }
            for destination, (many, _) in requests.items():
                self.lines[destination].slots = min(self.lines[destination].slots, many)
            granted = await self._destinations.hold(requests)
            now = await self._clock.current()
            for destination, grant in granted.items():
                self._until[destination] = asked + self._lease
                self._learn(destination, grant, now)
                if grant.mine < requests[destination][0]:
                    self._refused[destination] = asked
                else:
                    self._refused.pop(destination, None)

    def _patient(self, destination: str, now: float) -> bool:
        """Whether others held what was wanted a moment ago."""
        return self._refused.get(destination, 0) + ASK_AGAIN_SECONDS > now

    def _busy(self, destination: str) -> int:
        """What is in use, or still open: no slot of it can be given back."""
        return max(self.lines[destination].in_use, self._pool.open_to(destination))

    def _known(self, destination: str) -> Grant:
        return self._grants.get(destination, NOTHING)

    def _learn(self, destination: str, grant: Grant, now: datetime) -> None:
        """Uses this process's share of what is allowed to all, no more than it holds."""
        before = self._known(destination).standing.allowed(grant.limit, now)
        self._grants[destination] = grant
        allowed, held = grant.standing.allowed(grant.limit, now), grant.mine + grant.others
        if allowed < before:
            self._decreased[destination] = time.monotonic()
        line = self.line(destination)
        line.slots = grant.mine if held <= allowed else allowed * grant.mine // held
        self._pool.allow(destination, line.slots)

    def _forget(self, destination: str) -> None:
        del self.lines[destination]
        self._pool.allow(destination, 0)
        self._pool.allow(destination, None)
        for kept in (self._limits, self._grants, self._until, self._used, self._refused, self._decreased):
            kept.pop(destination, None)


NOTHING = Grant()
