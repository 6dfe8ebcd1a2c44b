"""A replay: deliveries that have ended are posted again, under the same ids and with the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.webhooks.store.deliveries import Deliveries, Wanted
from services.webhooks.store.tasks import Tasks
from services.webhooks.tasks.runner import FULL_SECONDS, Room, Turn
from services.webhooks.tasks.task import REPLAYED, Task, TaskKind
from shared.contracts.entities import Endpoint
from shared.failpoints import reach

Batch = dict[str, Any]
"""`ids` to do, and the position `behind` them: when the last of them was made, and its id."""


class Replay:
    """Walks an endpoint's deliveries from the oldest on; `queued` is called when some have come due."""

    kind = TaskKind.REPLAY

    def __init__(self, tasks: Tasks, deliveries: Deliveries, room: Room, queued: Callable[[], None]) -> None:
        self._tasks = tasks
        self._deliveries = deliveries
        self._room = room
        self._queued = queued

    async def work(self, task: Task, endpoint: Endpoint, turn: Turn) -> float | None:
        while room := await self._room.find(task.endpoint_id, turn):
            batch = task.batch or await self._next(task, room)
            if not batch["ids"]:
                await self._tasks.end(task)
                return None
            if not await self._tasks.begin(task, batch):
                return None
            reach("webhooks.replay_begun", len(batch["ids"]))
            count = await self._deliveries.replay(task.id, batch["ids"])
            reach("webhooks.replay_queued", len(batch["ids"]))
            if not await self._tasks.go_on(task, batch["behind"], queued=count):
                return None
            self._queued()
            task = replace(task, position=batch["behind"], batch=None)
        return 0.0 if turn.over else FULL_SECONDS

    async def _next(self, task: Task, limit: int) -> Batch:
        wanted = Wanted(task.workspace_id, task.endpoint_id, since=task.since, until=task.until)
        after = tuple(task.position) if task.position else None
        found = await self._deliveries.ended(wanted, REPLAYED[task.states or "failed"], task.events, after, limit)
        return {"ids": [id_ for _, id_ in found], "behind": list(found[-1]) if found else None}
