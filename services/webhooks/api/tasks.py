"""Replays and back-fills of an endpoint."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from services.webhooks.api.endpoint_actions import EndpointActions
from services.webhooks.api.task_actions import TaskActions
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
from services.webhooks.tasks.task import TaskKind
from shared.api import json_response, read_json
from shared.auth import Principal
from shared.openapi.operations import BODY, KEY, Cursor, Limit, body_of, replies

NOT_NOW = "The endpoint is disabled, or has one that is running (`code`)"
ENDED = "It has ended"


def add_replays(router: APIRouter, endpoints: EndpointActions, tasks: TaskActions, owner: Any) -> None:
    @router.post(
        "/{id}/replay", status_code=202, operation_id="replay_webhook_deliveries",
        openapi_extra=body_of(ReplayBody, NEW_REPLAY),
        responses=replies(202, ReplayView, "The replay", *KEY, 404, 409, *BODY, _409=NOT_NOW),
    )  # fmt: skip
    async def replay(id: str, request: Request, principal: Principal = owner) -> Response:
        """Post an endpoint's deliveries of a time again, under the same ids and with the same bytes: those that failed
        or were canceled, or all that have ended. They come behind what is fresh, a few at a time."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(202, await tasks.replay(endpoint, await read_json(request, ReplayBody)))

    @router.get(
        "/{id}/replays", operation_id="list_webhook_replays",
        responses=replies(200, ReplayPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def list_replays(id: str, limit: Limit = 50, cursor: Cursor = None, principal: Principal = owner) -> Response:
        """List an endpoint's replays, newest first."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(200, await tasks.page(endpoint, TaskKind.REPLAY, limit, cursor))

    @router.get(
        "/{id}/replays/{replay}", operation_id="get_webhook_replay",
        responses=replies(200, ReplayView, "The replay", *KEY, 404),
    )  # fmt: skip
    async def show_replay(id: str, replay: str, principal: Principal = owner) -> Response:
        """One replay, and how far it has come."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(200, await tasks.show(endpoint, TaskKind.REPLAY, replay))

    @router.delete(
        "/{id}/replays/{replay}", operation_id="cancel_webhook_replay",
        responses=replies(200, ReplayView, "The replay, canceled", *KEY, 404, 409, _409=ENDED),
    )  # fmt: skip
    async def cancel_replay(id: str, replay: str, principal: Principal = owner) -> Response:
        """Cancel a replay that is running. What it has made due already is posted."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(200, await tasks.cancel(endpoint, TaskKind.REPLAY, replay))


def add_backfills(router: APIRouter, endpoints: EndpointActions, tasks: TaskActions, owner: Any) -> None:
    @router.post(
        "/{id}/backfill", status_code=202, operation_id="backfill_webhook_endpoint",
        openapi_extra=body_of(BackfillBody, NEW_BACKFILL),
        responses=replies(202, BackfillView, "The back-fill", *KEY, 404, 409, *BODY, _409=NOT_NOW),
    )  # fmt: skip
    async def backfill(id: str, request: Request, principal: Principal = owner) -> Response:
        """Post what occurred since then and was no delivery of this endpoint yet: from before it was made, while it was
        disabled, or before it asked for a type. Events are there for seven days."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(202, await tasks.backfill(endpoint, await read_json(request, BackfillBody)))

    @router.get(
        "/{id}/backfills", operation_id="list_webhook_backfills",
        responses=replies(200, BackfillPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def list_backfills(
        id: str, limit: Limit = 50, cursor: Cursor = None, principal: Principal = owner
    ) -> Response:
        """List an endpoint's back-fills, newest first."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(200, await tasks.page(endpoint, TaskKind.BACKFILL, limit, cursor))

    @router.get(
        "/{id}/backfills/{backfill}", operation_id="get_webhook_backfill",
        responses=replies(200, BackfillView, "The back-fill", *KEY, 404),
    )  # fmt: skip
    async def show_backfill(id: str, backfill: str, principal: Principal = owner) -> Response:
        """One back-fill, and how far it has come."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(200, await tasks.show(endpoint, TaskKind.BACKFILL, backfill))

    @router.delete(
        "/{id}/backfills/{backfill}", operation_id="cancel_webhook_backfill",
        responses=replies(200, BackfillView, "The back-fill, canceled", *KEY, 404, 409, _409=ENDED),
    )  # fmt: skip
    async def cancel_backfill(id: str, backfill: str, principal: Principal = owner) -> Response:
        """Cancel a back-fill that is running. What it has made already is posted."""
        endpoint = await endpoints.found(principal.workspace_id, id)
        return json_response(200, await tasks.cancel(endpoint, TaskKind.BACKFILL, backfill))
