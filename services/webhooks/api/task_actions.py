"""What is done with replays and back-fills, whoever asks: a caller of the API or a visitor of the console."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.webhooks.api.delivery_actions import require_enabled
from services.webhooks.api.pages import Pages
from services.webhooks.store.tasks import AlreadyOpenError, Tasks
from services.webhooks.task_schemas import BackfillBody, ReplayBody
from services.webhooks.tasks.task import Task, TaskKind
from services.webhooks.views import task_view
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.mongo.entities import Entity
from shared.tokens import uuid7

NAMES = {TaskKind.REPLAY: "replay", TaskKind.BACKFILL: "back-fill"}


class TaskActions:
    """Raises problems: 404 for what is not there, 422 for a time that has not come, 409 where the endpoint is disabled,
    has one of the kind that is running, or where one that is to be canceled has ended."""

    def __init__(self, tasks: Tasks, pages: Pages) -> None:
        self._tasks = tasks
        self._pages = pages

    async def replay(self, endpoint: Entity, body: ReplayBody) -> dict[str, Any]:
        """Begins a replay."""
        now, workspace_id = datetime.now(UTC), endpoint.workspace_id or ""
        until = min(body.until or now, now)
        return await self._begin(
            endpoint,
            Task(
                uuid7(), TaskKind.REPLAY, workspace_id, endpoint.id, now, body.since, until, tuple(body.events),
                body.states,
            ),
        )  # fmt: skip

    async def backfill(self, endpoint: Entity, body: BackfillBody) -> dict[str, Any]:
        """Begins a back-fill."""
        now, workspace_id = datetime.now(UTC), endpoint.workspace_id or ""
        events = tuple(body.events)
        task = Task(uuid7(), TaskKind.BACKFILL, workspace_id, endpoint.id, now, body.since, now, events)
        return await self._begin(endpoint, task)

    async def page(self, endpoint: Entity, kind: TaskKind, limit: int, cursor: str | None) -> dict[str, Any]:
        """An endpoint's tasks of a kind, newest first."""
        query = f"{endpoint.workspace_id}:{kind}:{endpoint.id}"
        before = self._pages.after(cursor, query)
        found = await self._tasks.page(endpoint.workspace_id or "", endpoint.id, kind, before, limit + 1)
        return self._pages.page([task_view(document) for document in found], limit, query)

    async def show(self, endpoint: Entity, kind: TaskKind, task_id: str) -> dict[str, Any]:
        """One task, and how far it has come."""
        document = await self._tasks.get(endpoint.workspace_id or "", endpoint.id, kind, task_id)
        if document is None:
            raise not_found(NAMES[kind])
        return task_view(document)

    async def cancel(self, endpoint: Entity, kind: TaskKind, task_id: str) -> dict[str, Any]:
        """Ends a task that is running."""
        await self.show(endpoint, kind, task_id)
        canceled = await self._tasks.cancel(endpoint.workspace_id or "", endpoint.id, kind, task_id)
        if canceled is None:
            raise ProblemError(409, "ended", f"The {NAMES[kind]} has ended already.")
        return task_view(canceled)

    async def _begin(self, endpoint: Entity, task: Task) -> dict[str, Any]:
        if task.since >= task.created_at:
            raise invalid_request([Fault("#/since", "in_the_future", "`since` must lie in the past.")])
        require_enabled(endpoint)
        try:
            return task_view(await self._tasks.add(task))
        except AlreadyOpenError as error:
            said = f"A {NAMES[task.kind]} of this endpoint is running: {error.id}."
            raise ProblemError(409, "already_running", said) from error
