"""Replays and back-fills of an endpoint: begun, followed, canceled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from services.webhooks.api.router import SCOPE, Actions
from services.webhooks.console.facets import ANY_TYPES, REPLAYED
from services.webhooks.console.naming import PATH, name_of, path_of
from services.webhooks.console.standings import OF_LATE
from services.webhooks.task_schemas import BackfillBody, ReplayBody
from services.webhooks.tasks.task import TaskKind
from shared.console.console import Console
from shared.console.forms import Form, as_body, moment_of, read_form, read_ticked, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError

SHOWN = 20
KINDS = {"replays": TaskKind.REPLAY, "backfills": TaskKind.BACKFILL}


def tasks_pages(console: Console, actions: Actions) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed, may_act = console.gate.page(SCOPE), console.gate.action(SCOPE)

    async def found(visitor: Visitor, id_: str) -> dict[str, Any]:
        endpoint = await actions.endpoints.found(visitor.workspace_id, id_)
        listed = await asyncio.gather(*(actions.tasks.page(endpoint, kind, SHOWN, None) for kind in KINDS.values()))
        rows = [progress(task) for page in listed for task in page["data"]]
        rows.sort(key=lambda task: str(task["created_at"]), reverse=True)
        return {"endpoint": actions.endpoints.shown.endpoint(endpoint), "tasks": rows}

    @router.get(f"{PATH}/{{id}}/tasks")
    async def show(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        parts = await found(visitor, id)
        return pages.show(request, visitor, "webhook_tasks.html", name=name_of(parts["endpoint"]), **parts)

    @router.get(f"{PATH}/{{id}}/tasks/live")
    async def follow(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            return pages.part("webhook_task_rows.html", visitor=visitor, **await found(visitor, id))

        return await console.live(request, render)

    @router.post(f"{PATH}/{{id}}/{{kind}}/{{task}}/cancel")
    async def cancel(id: str, kind: Literal["replays", "backfills"], task: str, visitor: Visitor = may_act) -> Response:
        endpoint = await actions.endpoints.found(visitor.workspace_id, id)
        await actions.tasks.cancel(endpoint, KINDS[kind], task)
        return pages.go(f"{path_of(id)}/tasks", "Canceled: what it has made due already is posted.")

    return router


def task_forms(console: Console, actions: Actions) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed, may_act = console.gate.page(SCOPE), console.gate.action(SCOPE)

    async def show(request: Request, visitor: Visitor, id_: str, template: str, form: Form) -> Response:
        view = actions.endpoints.shown.endpoint(await actions.endpoints.found(visitor.workspace_id, id_))
        return pages.show(
            request, visitor, template, form.status,
            endpoint=view, name=name_of(view), form=form, replayed=REPLAYED, types=ANY_TYPES,
        )  # fmt: skip

    @router.get(f"{PATH}/{{id}}/replay")
    async def ask_replay(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        form = Form({**fresh(), "until": "", "states": "failed"})
        return await show(request, visitor, id, "webhook_replay.html", form)

    @router.post(f"{PATH}/{{id}}/replay")
    async def replay(request: Request, id: str, visitor: Visitor = may_act) -> Response:
        endpoint = await actions.endpoints.found(visitor.workspace_id, id)
        given = {**await read_form(request, "since", "until", "states"), "events": await read_ticked(request, "events")}
        try:
            await actions.tasks.replay(endpoint, as_body(ReplayBody, with_moments(given)))
        except ProblemError as problem:
            return await show(request, visitor, id, "webhook_replay.html", refused(given, problem))
        return pages.go(f"{path_of(id)}/tasks", "The replay has begun; its progress is below.")

    @router.get(f"{PATH}/{{id}}/backfill")
    async def ask_backfill(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        return await show(request, visitor, id, "webhook_backfill.html", Form(fresh()))

    @router.post(f"{PATH}/{{id}}/backfill")
    async def backfill(request: Request, id: str, visitor: Visitor = may_act) -> Response:
        endpoint = await actions.endpoints.found(visitor.workspace_id, id)
        given = {**await read_form(request, "since"), "events": await read_ticked(request, "events")}
        try:
            await actions.tasks.backfill(endpoint, as_body(BackfillBody, with_moments(given)))
        except ProblemError as problem:
            return await show(request, visitor, id, "webhook_backfill.html", refused(given, problem))
        return pages.go(f"{path_of(id)}/tasks", "The back-fill has begun; its progress is below.")

    return router


def fresh() -> dict[str, Any]:
    """An unfilled form: of the last day, in the form of a browser's field (HTML Living Standard section 2.3.5.5)."""
    return {"since": f"{datetime.now(UTC) - OF_LATE:%Y-%m-%dT%H:%M}", "events": []}


def with_moments(given: Mapping[str, Any]) -> dict[str, Any]:
    moments = {name: moment_of(given[name]) for name in ("since", "until") if given.get(name)}
    return {**given, "since": "", **({"until": None} if "until" in given else {}), **moments}


def progress(task: Mapping[str, Any]) -> dict[str, Any]:
    """A task with its kind, and how much of its time a running replay has come through, from 0 to 1."""
    is_replay = "states" in task
    part = None
    if is_replay and task["state"] == "running":
        since, until = (datetime.fromisoformat(task[name]) for name in ("since", "until"))
        through = datetime.fromisoformat(task["through"]) if task["through"] else since
        part = min(1.0, max(0.0, (through - since) / (until - since)))
    return {**task, "kind": "replays" if is_replay else "backfills", "part": part}
