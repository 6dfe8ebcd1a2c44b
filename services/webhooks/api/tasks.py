"""Replays and back-fills of an endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from services.webhooks.api.deliveries import require_enabled
from services.webhooks.api.endpoints import found_endpoint
from services.webhooks.api.pages import Pages
from services.webhooks.endpoints import Endpoints
from services.webhooks.store.tasks import AlreadyOpenError, Tasks
from services.webhooks.task_schemas import (
    NEW_BACKFILL,
    NEW_REPLAY,
    BackfillBody,
    BackfillPage,
    BackfillView,
    ReplayBody,
    ReplayPage,
    ReplayView,
)
from services.webhooks.tasks.task import Task, TaskKind
from services.webhooks.views import task_view
from shared.api import json_response, read_json
from shared.auth import Principal
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.openapi.operations import BODY, KEY, Cursor, Limit, body_of, replies
from shared.tokens import uuid7

NAMES = {TaskKind.REPLAY: "replay", TaskKind.BACKFILL: "back-fill"}
NOT_NOW = "The endpoint is disabled, or has one that is running (`code`)"
ENDED = "It has ended"


class TaskRoutes:
    """What the routes of both kinds do."""

    def __init__(self, endpoints: Endpoints, tasks: Tasks, pages: Pages) -> None:
        self._endpoints = endpoints
        self._tasks = tasks
        self._pages = pages

    async def begin(self, principal: Principal, id_: str, made: Callable[[], Awaitable[Task]]) -> Response:
        """202 with the task that is made of the body, where the endpoint is there; raises 404, 409 and 422 problems."""
        endpoint = found_endpoint(await self._endpoints.get(principal.workspace_id, id_))
        task = await made()
        if task.since >= task.created_at:
            raise invalid_request([Fault("#/since", "in_the_future", "`since` must lie in the past.")])
        require_enabled(endpoint)
        try:
            document = await self._tasks.add(replace(task, until=min(task.until, task.created_at)))
        except AlreadyOpenError as error:
            said = f"A {NAMES[task.kind]} of this endpoint is running: {error.id}."
            raise ProblemError(409, "already_running", said) from error
        return json_response(202, task_view(document))

    async def page(self, principal: Principal, id_: str, kind: TaskKind, limit: int, cursor: str | None) -> Response:
        found_endpoint(await self._endpoints.get(principal.workspace_id, id_))
        query = f"{principal.workspace_id}:{kind}:{id_}"
        before = self._pages.after(cursor, query)
        found = await self._tasks.page(principal.workspace_id, id_, kind, before, limit + 1)
        return self._pages.reply([task_view(document) for document in found], limit, query)

    async def show(self, principal: Principal, id_: str, kind: TaskKind, task_id: str) -> Response:
        return json_response(200, task_view(await self._found(principal, id_, kind, task_id)))

    async def cancel(self, principal: Principal, id_: str, kind: TaskKind, task_id: str) -> Response:
        await self._found(principal, id_, kind, task_id)
        canceled = await self._tasks.cancel(principal.workspace_id, id_, kind, task_id)
        if canceled is None:
            raise ProblemError(409, "ended", f"The {NAMES[kind]} has ended already.")
        return json_response(200, task_view(canceled))

    async def _found(self, principal: Principal, id_: str, kind: TaskKind, task_id: str) -> dict[str, Any]:
        found_endpoint(await self._endpoints.get(principal.workspace_id, id_))
        document = await self._tasks.get(principal.workspace_id, id_, kind, task_id)
        if document is None:
            raise not_found(NAMES[kind])
        return document


def add_replays(router: APIRouter, routes: TaskRoutes, owner: Any) -> None:
    @router.post(
        "/{id}/replay", status_code=202, operation_id="replay_webhook_deliveries",
        openapi_extra=body_of(ReplayBody, NEW_REPLAY),
        responses=replies(202, ReplayView, "The replay", *KEY, 404, 409, *BODY, _409=NOT_NOW),
    )  # fmt: skip
    async def replay(id: str, request: Request, principal: Principal = owner) -> Response:
        """Post an endpoint's deliveries of a time again, under the same ids and with the same bytes: those that failed
        or were canceled, or all that have ended. They come behind what is fresh, a few at a time."""

        async def made() -> Task:
            body = await read_json(request, ReplayBody)
            now = datetime.now(UTC)
            return Task(
                uuid7(), TaskKind.REPLAY, principal.workspace_id, id, now, body.since, body.until or now,
                tuple(body.events), body.states,
            )  # fmt: skip

        return await routes.begin(principal, id, made)

    @router.get(
        "/{id}/replays", operation_id="list_webhook_replays",
        responses=replies(200, ReplayPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def list_replays(id: str, limit: Limit = 50, cursor: Cursor = None, principal: Principal = owner) -> Response:
        """List an endpoint's replays, newest first."""
        return await routes.page(principal, id, TaskKind.REPLAY, limit, cursor)

    @router.get(
        "/{id}/replays/{replay}", operation_id="get_webhook_replay",
        responses=replies(200, ReplayView, "The replay", *KEY, 404),
    )  # fmt: skip
    async def show_replay(id: str, replay: str, principal: Principal = owner) -> Response:
        """One replay, and how far it has come."""
        return await routes.show(principal, id, TaskKind.REPLAY, replay)

    @router.delete(
        "/{id}/replays/{replay}", operation_id="cancel_webhook_replay",
        responses=replies(200, ReplayView, "The replay, canceled", *KEY, 404, 409, _409=ENDED),
    )  # fmt: skip
    async def cancel_replay(id: str, replay: str, principal: Principal = owner) -> Response:
        """Cancel a replay that is running. What it has made due already is posted."""
        return await routes.cancel(principal, id, TaskKind.REPLAY, replay)


def add_backfills(router: APIRouter, routes: TaskRoutes, owner: Any) -> None:
    @router.post(
        "/{id}/backfill", status_code=202, operation_id="backfill_webhook_endpoint",
        openapi_extra=body_of(BackfillBody, NEW_BACKFILL),
        responses=replies(202, BackfillView, "The back-fill", *KEY, 404, 409, *BODY, _409=NOT_NOW),
    )  # fmt: skip
    async def backfill(id: str, request: Request, principal: Principal = owner) -> Response:
        """Post what occurred since then and was no delivery of this endpoint yet: from before it was made, while it was
        disabled, or before it asked for a type. Events are there for seven days."""

        async def made() -> Task:
            body = await read_json(request, BackfillBody)
            now = datetime.now(UTC)
            events = tuple(body.events)
            return Task(uuid7(), TaskKind.BACKFILL, principal.workspace_id, id, now, body.since, now, events)

        return await routes.begin(principal, id, made)

    @router.get(
        "/{id}/backfills", operation_id="list_webhook_backfills",
        responses=replies(200, BackfillPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def list_backfills(
        id: str, limit: Limit = 50, cursor: Cursor = None, principal: Principal = owner
    ) -> Response:
        """List an endpoint's back-fills, newest first."""
        return await routes.page(principal, id, TaskKind.BACKFILL, limit, cursor)

    @router.get(
        "/{id}/backfills/{backfill}", operation_id="get_webhook_backfill",
        responses=replies(200, BackfillView, "The back-fill", *KEY, 404),
    )  # fmt: skip
    async def show_backfill(id: str, backfill: str, principal: Principal = owner) -> Response:
        """One back-fill, and how far it has come."""
        return await routes.show(principal, id, TaskKind.BACKFILL, backfill)

    @router.delete(
        "/{id}/backfills/{backfill}", operation_id="cancel_webhook_backfill",
        responses=replies(200, BackfillView, "The back-fill, canceled", *KEY, 404, 409, _409=ENDED),
    )  # fmt: skip
    async def cancel_backfill(id: str, backfill: str, principal: Principal = owner) -> Response:
        """Cancel a back-fill that is running. What it has made already is posted."""
        return await routes.cancel(principal, id, TaskKind.BACKFILL, backfill)
