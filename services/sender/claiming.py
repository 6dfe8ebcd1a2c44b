"""Claims what waits in the database for the destinations that this process has room for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress

from services.sender.arrivals import Held
from services.sender.dispatch import Dispatcher
from services.sender.slots import Slots
from services.sender.store.claims import Claims
from services.sender.supplies import Supplies
from shared.contracts.topics import Lane

CLAIM_SECONDS, SCAN_SECONDS = 0.1, 1.0
DESTINATIONS_AT_ONCE = 32


class Claiming:
    """Knows which destinations deliveries wait for (`_behind`: to the workspace that was served last)."""

    def __init__(self, slots: Slots, supplies: Supplies, dispatcher: Dispatcher, claims: Claims) -> None:
        self._slots = slots
        self._supplies = supplies
        self._dispatcher = dispatcher
        self._claims = claims
        self._behind: dict[tuple[Lane, str], str] = {}

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
        if not self._behind:
            return 0
        limits = await self._supplies.limits({destination for _, destination in self._behind})
        await self._slots.ensure({destination: (limit, limit) for destination, limit in limits.items()})
        keys = sorted(self._behind, key=lambda key: list(Lane).index(key[0]))
        ready = [(key, room) for key in keys if (room := self._dispatcher.room(key[1], key[0]))]
        taken = await asyncio.gather(*(self._claim_of(*each) for each in ready[:DESTINATIONS_AT_ONCE]))
        return sum(taken)

    async def _claim_of(self, key: tuple[Lane, str], room: int) -> int:
        lane, destination = key
        after = self._behind.pop(key, "")
        try:
            documents, more, after = await self._claims.take(str(lane), destination, room, after)
        except BaseException:
            self._behind.setdefault(key, after)
            raise
        if more:
            # behind the other destinations
            self._behind.pop(key, None)
            self._behind[key] = after
        await self._dispatcher.take([Held.of(document) for document in documents])
        return len(documents)
