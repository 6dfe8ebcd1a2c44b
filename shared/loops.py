"""Background loops of a process: started together, stopped together, never detached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

import structlog

from shared.telemetry import metrics

log = structlog.get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0


class Loops:
    """An async context that owns the loops. On exit it sets `stopping`, waits `grace` seconds, then cancels."""

    def __init__(self, grace: float) -> None:
        self.stopping = asyncio.Event()
        self._grace = grace
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Loops:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=self._grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def run(self, name: str, act: Callable[[], Awaitable[object]]) -> None:
        """Runs `act` until it returns or the process stops; after a failure it is begun again, waits doubling."""
        self._tasks.append(asyncio.create_task(self._keep(name, act, None), name=name))

    def every(self, name: str, seconds: float, act: Callable[[], Awaitable[object]]) -> None:
        """Calls `act` again and again, `seconds` apart; a turn that returns a true number follows itself at once."""
        self._tasks.append(asyncio.create_task(self._keep(name, act, seconds), name=name))

    async def _keep(self, name: str, act: Callable[[], Awaitable[object]], seconds: float | None) -> None:
        pause = FIRST_PAUSE
        metrics.LOOP_FAILURES.labels(name)  # there from its first failure on, a rise could not be told
        while not self.stopping.is_set():
            try:
                more = await act()
            except Exception as error:
                metrics.LOOP_FAILURES.labels(name).inc()
                log.warning("loop failed", loop=name, error=f"{type(error).__name__}: {error}")
                await self.pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            if seconds is None:
                return
            await self.pause(0 if more else seconds)

    async def pause(self, seconds: float) -> None:
        """Waits, or returns at once when the process stops."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return
