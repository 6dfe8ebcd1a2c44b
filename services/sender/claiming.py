"""Claims what waits in the database for the destinations that this process has room for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from functools import partial

from services.sender.arrivals import Held
from services.sender.destinations.ways import Ways
from services.sender.dispatch import Dispatcher
from services.sender.slots import Slots
from services.sender.store.claims import Claims
from shared.contracts.topics import Lane
from shared.failpoints import reach
from shared.telemetry import metrics

CLAIM_SECONDS, SCAN_SECONDS, PACE_SECONDS = 0.1, 1.0, 0.02
DESTINATIONS_AT_ONCE = 32


class Claiming:
    """Knows which destinations deliveries wait for (`_behind`: to the workspace that was served last)."""

    def __init__(self, slots: Slots, ways: Ways, dispatcher: Dispatcher, claims: Claims) -> None:
        self._slots = slots
        self._ways = ways
        self._dispatcher = dispatcher
        self._claims = claims
        self._behind: dict[tuple[Lane, str], str] = {}
        self._tried: dict[tuple[Lane, str], float] = {}

    def is_behind(self, destination: str, lane: Lane) -> bool:
        """Whether others wait in the database for this destination, whom no newcomer passes."""
        return (lane, destination) in self._behind

    def left_behind(self, waiting: Collection[tuple[Lane, str]]) -> None:
        """Says for which destinations deliveries wait in the database."""
        for key in waiting:
            self._behind.setdefault(key, "")
        if waiting:
            self._dispatcher.freed.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Claims until the process stops: at once while there is more and room for it."""
        scanned = 0.0
        while not stopping.is_set() and not self._dispatcher.closing:
            self._dispatcher.freed.clear()
            if time.monotonic() - scanned > SCAN_SECONDS:
                scanned = time.monotonic()
                await self._scan()
            if await self._claim():
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._dispatcher.freed.wait(), CLAIM_SECONDS)

    async def _scan(self) -> None:
        """Looks for which destinations anything waits: others leave work too, and may have taken what was left here."""
        known = set(self._behind)
        found = await asyncio.gather(*(self._claims.waiting(str(lane)) for lane in Lane))
        waiting = {(lane, each) for lane, destinations in zip(Lane, found, strict=True) for each in destinations}
        for key in known - waiting:
            self._behind.pop(key, None)
        for key in waiting:
            self._behind.setdefault(key, "")

    async def _claim(self) -> int:
        """One claim for some of the destinations, the critical lane's first and each in its turn."""
        keys = self._due(time.monotonic())
        if not keys:
            return 0
        limits = await self._ways.limits({destination for _, destination in keys})
        await self._slots.ensure({destination: (each.connections, each) for destination, each in limits.items()})
        ready = [(key, room) for key in keys if (room := self._dispatcher.room.of(key[1], key[0]))]
        taken = await asyncio.gather(*(self._claim_of(*each) for each in ready[:DESTINATIONS_AT_ONCE]))
        return sum(taken)

    def _due(self, now: float) -> list[tuple[Lane, str]]:
        """The destinations to look at, the critical lane's first: the standard lane's not more often than pays."""
        keys = sorted(self._behind, key=lambda key: list(Lane).index(key[0]))
        return [key for key in keys if key[0] is Lane.CRITICAL or now - self._tried.get(key, 0) >= PACE_SECONDS]

    async def _claim_of(self, key: tuple[Lane, str], room: int) -> int:
        lane, destination = key
        self._tried[key] = asked = time.monotonic()
        after = self._behind.pop(key, "")
        room_of = partial(self._dispatcher.room.to_claim, destination, lane)
        try:
            documents, more, after = await self._claims.take(str(lane), destination, room, room_of, after)
        except BaseException:
            self._behind.setdefault(key, after)
            raise
        if more:
            # behind the other destinations
            self._behind.pop(key, None)
            self._behind[key] = after
        elif key not in self._behind:
            self._tried.pop(key, None)
        reach("sender.claimed", len(documents))
        await self._dispatcher.take([Held.of(document) for document in documents], asked)
        metrics.TAKEN.labels("claim").inc(len(documents))
        return len(documents)
