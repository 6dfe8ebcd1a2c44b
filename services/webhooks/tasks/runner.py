"""Works on tasks in turn: any process may, and any goes on with what another has left."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Protocol

from services.webhooks.endpoints import Endpoints
from services.webhooks.store.deliveries import Deliveries
from services.webhooks.store.tasks import Tasks
from services.webhooks.tasks.task import Task, TaskKind
from shared.contracts.entities import Endpoint

SLICE_SECONDS = 5.0
LOOK_SECONDS = 0.1
LOOKS = 5
FULL_SECONDS = 0.5
"""How long a task that finds no room lets others have their turns."""


class Turn:
    """A task's turn: it ends when the process stops, or after SLICE_SECONDS, so that others have theirs."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._until = time.monotonic() + SLICE_SECONDS

    @property
    def over(self) -> bool:
        return self._stopping.is_set() or time.monotonic() >= self._until

    async def pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), LOOK_SECONDS)


class Room:
    """How many deliveries a task may make due now: a few at a time, and none while the endpoint has as many to do, so
    that a fresh one never waits behind more than that."""

    def __init__(self, deliveries: Deliveries, endpoints: Endpoints, at_once: int) -> None:
        self._deliveries = deliveries
        self._endpoints = endpoints
        self._at_once = at_once
        self.some = at_once // 2
        """As many as there is room for, where there is any."""

    async def find(self, endpoint_id: str, turn: Turn) -> int:
        """Waits a moment for room; 0 where there is none, the turn is over or the endpoint disabled by now."""
        for _ in range(LOOKS):
            if turn.over or await self._endpoints.enabled(endpoint_id) is None:
                break
            due = await self._deliveries.due(endpoint_id, self._at_once)
            if due <= self._at_once - self.some:
                return self._at_once - due
            await turn.pause()
        return 0


class Work(Protocol):
    """What is done for a task of one kind."""

    kind: TaskKind

    async def work(self, task: Task, endpoint: Endpoint, turn: Turn) -> float | None:
        """Works until the turn is over, or nothing is left to do, and ends the task then. Returns in how many seconds
        the next turn is wanted; None where the task has ended, or is somebody else's by now."""


class Runner:
    """Gives the tasks of one kind their turns."""

    def __init__(self, tasks: Tasks, endpoints: Endpoints, work: Work) -> None:
        self._tasks = tasks
        self._endpoints = endpoints
        self._work = work

    async def turn(self, stopping: asyncio.Event) -> int:
        """Gives one task a turn; returns how many there were, 0 or 1."""
        task = await self._tasks.claim(self._work.kind)
        if task is None:
            return 0
        again: float | None = 0.0
        try:
            endpoint = await self._endpoints.enabled(task.endpoint_id)
            if endpoint is None:
                await self._tasks.end(task, "endpoint_disabled")
                again = None
            else:
                again = await self._work.work(task, endpoint, Turn(stopping))
        finally:
            if again is not None:
                await self._tasks.let_go(task, again)
        return 1
