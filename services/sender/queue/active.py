"""The holds that are active, as this process knows them."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from typing import Protocol

from services.sender.queue.holds import Hold, HoldBook
from services.sender.queue.selection import facts_of
from shared.contracts.messages import Message
from shared.mongo.clock import DatabaseClock

FRESH_SECONDS = 1.0
"""How old at most what a process knows of holds is when it decides by it."""
KNOWN_SECONDS = 1.5 * FRESH_SECONDS
"""When every process has heard of a change."""


class Reading(Protocol):
    """Where holds are kept."""

    async def active(self) -> list[Hold]: ...


class ActiveHolds:
    """What this process knows of holds, read again before it decides by what is older than FRESH_SECONDS."""

    def __init__(self, store: Reading, clock: DatabaseClock) -> None:
        self._store = store
        self._clock = clock
        self._book = HoldBook()
        self._now: datetime | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        asked = time.monotonic()
        book, now = HoldBook(await self._store.active()), await self._clock.current()
        self._book, self._now, self._read_at = book, now, asked

    async def fresh(self) -> None:
        """To be called before `of`; raises where the database is away and what is known is too old."""
        if self._is_fresh():
            return
        async with self._reading:
            if not self._is_fresh():
                await self.refresh()

    def of(self, message: Message) -> Hold | None:
        """The hold that a message is under."""
        if self._now is None or self._book.is_empty:
            return None
        return self._book.of(facts_of(message), self._now + timedelta(seconds=time.monotonic() - self._read_at))

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._read_at <= FRESH_SECONDS
