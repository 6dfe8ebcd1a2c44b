"""Findings that are kept for a while, and sought once however many wait for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

LARGEST = 100_000


class TtlCache(Generic[K, V]):
    """`find` gives a finding and how many seconds it is kept. At most `at_once` run, the oldest findings make room.

    A search that outlasts those who wait for it goes on, and its finding is there for the next one. What `find` raises
    reaches whoever waits, and is not kept.
    """

    def __init__(
        self,
        find: Callable[[K], Awaitable[tuple[V, float]]],
        *,
        at_once: int,
        clock: Callable[[], float] = time.monotonic,
        largest: int = LARGEST,
    ) -> None:
        self._find = find
        self._clock = clock
        self._largest = largest
        self._kept: dict[K, tuple[float, V]] = {}
        self._running: dict[K, asyncio.Task[V]] = {}
        self._began: dict[K, float] = {}
        self._free = asyncio.Semaphore(at_once)

    def kept(self, key: K) -> V | None:
        """The finding where one is kept and not too old."""
        kept = self._kept.get(key)
        return kept[1] if kept and kept[0] > self._clock() else None

    def begin(self, key: K) -> asyncio.Task[V]:
        """The search that is under way for a key, or a new one. Whoever waits for it must not cancel it."""
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(self._run(key), name="look-up")
            self._began[key] = time.monotonic()
            running.add_done_callback(lambda task: self._ended(key, task))
        return running

    async def get(self, key: K) -> V:
        """The finding, however long that takes."""
        kept = self.kept(key)
        return kept if kept is not None else await asyncio.shield(self.begin(key))

    async def within(self, key: K, patience: float) -> V | None:
        """The finding, if it is there `patience` seconds after its search began: who comes later waits less."""
        if (kept := self.kept(key)) is not None:
            return kept
        task = self.begin(key)
        left = self._began[key] + patience - time.monotonic()
        if left > 0:
            await asyncio.wait([task], timeout=left)
        return task.result() if task.done() else None

    def forget(self, key: K) -> None:
        """Has it sought again."""
        self._kept.pop(key, None)

    async def close(self) -> None:
        """Gives up what is under way."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, key: K) -> V:
        async with self._free:
            found, seconds = await self._find(key)
        self._kept.pop(key, None)
        while len(self._kept) >= self._largest:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (self._clock() + seconds, found)
        return found

    def _ended(self, key: K, task: asyncio.Task[V]) -> None:
        self._running.pop(key, None)
        self._began.pop(key, None)
        if not task.cancelled():
            task.exception()  # said to whoever waits; nobody may
