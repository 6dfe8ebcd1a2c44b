"""One endpoint: how it does, what was posted to it, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from services.webhooks.api.router import SCOPE, Actions
from services.webhooks.bodies import EndpointChanges
from services.webhooks.console.account import is_overdue
from services.webhooks.console.facets import EVENTS, STATES
from services.webhooks.console.faults import outcome
from services.webhooks.console.naming import PATH, name_of, path_of
from services.webhooks.console.standings import OF_LATE, Standings
from services.webhooks.delivery_schemas import EndpointListing
from services.webhooks.task_schemas import ReplayBody
from shared.api import faults_of
from shared.console.console import Console
from shared.console.forms import moment_of
from shared.console.gate import Visitor
from shared.errors import Fault

FILTERS = ("state", "event", "message", "since", "until")
ON_A_PAGE = 50
PATIENCE = 5.0
"""Seconds that a test's first attempt is waited for."""


def endpoint_pages(console: Console, actions: Actions, standings: Standings) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(SCOPE)

    async def found(visitor: Visitor, id_: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The deliveries that the query asks for; what is wrong with the query is among it."""
        listing, faults = listing_of(query)
        page = await actions.deliveries.page(visitor.workspace_id, id_, listing) if listing else NOTHING
        ids = [delivery["id"] for delivery in page["data"]]
        lasts = await actions.attempts.last_of_each(visitor.workspace_id, ids)
        given, more = filters_of(query), page["next_cursor"]
        here = f"{path_of(id_)}?{urlencode(given)}" if given else path_of(id_)
        return {
            "deliveries": [row_of(each, lasts.get(each["id"])) for each in page["data"]],
            "faults": dict.fromkeys(FILTERS) | {fault.pointer.removeprefix("#/"): fault.detail for fault in faults},
            "searched": bool(given),
            "here": here,
            "next_url": f"{path_of(id_)}?{urlencode({**given, 'cursor': more})}" if more else None,
            "newest_url": here if query.get("cursor") else None,
        }

    async def standing(visitor: Visitor, id_: str) -> dict[str, Any]:
        endpoint = actions.endpoints.shown.endpoint(await actions.endpoints.found(visitor.workspace_id, id_))
        (row,) = await standings.of(visitor.workspace_id, [endpoint])
        return {"row": row, "endpoint": endpoint}

    @router.get(f"{PATH}/{{id}}")
    async def show(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        shown, query = await standing(visitor, id), request.query_params
        given = filters_of(query)
        return pages.show(
            request, visitor, "webhook.html",
            name=name_of(shown["endpoint"]), states=STATES, events=EVENTS, query=urlencode(given),
            given=dict.fromkeys(FILTERS, "") | given, **shown, **await found(visitor, id, query),
        )  # fmt: skip

    @router.get(f"{PATH}/{{id}}/standing")
    async def show_standing(id: str, visitor: Visitor = allowed) -> Response:
        """A part of the page, for the page to have it anew."""
        return pages.fragment("webhook_standing.html", visitor=visitor, **await standing(visitor, id))

    @router.get(f"{PATH}/{{id}}/live")
    async def follow(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            endpoint = actions.endpoints.shown.endpoint(await actions.endpoints.found(visitor.workspace_id, id))
            rows = await found(visitor, id, filters_of(request.query_params))
            return pages.part("delivery_rows.html", visitor=visitor, endpoint=endpoint, **rows)

        return await console.live(request, render)

    return router


def endpoint_buttons(console: Console, actions: Actions) -> APIRouter:
    """Each leads back to a page that shows what came of it."""
    router = console.router()
    go = console.pages.go
    may_act = console.gate.action(SCOPE)

    @router.post(f"{PATH}/{{id}}/enable")
    async def enable(id: str, visitor: Visitor = may_act) -> Response:
        await actions.endpoints.change(visitor.workspace_id, id, EndpointChanges(enabled=True))
        return go(path_of(id), "Enabled: what waits and what occurs from now on is posted.")

    @router.post(f"{PATH}/{{id}}/disable")
    async def disable(id: str, visitor: Visitor = may_act) -> Response:
        await actions.endpoints.change(visitor.workspace_id, id, EndpointChanges(enabled=False))
        return go(path_of(id), "Disabled: what waited was canceled.")

    @router.post(f"{PATH}/{{id}}/delete")
    async def delete(id: str, visitor: Visitor = may_act) -> Response:
        await actions.endpoints.delete(visitor.workspace_id, id)
        return go(PATH, "The endpoint is deleted; what waited for it was canceled.")

    @router.post(f"{PATH}/{{id}}/test")
    async def test(id: str, visitor: Visitor = may_act) -> Response:
        endpoint = await actions.endpoints.found(visitor.workspace_id, id)
        delivery = await actions.deliveries.test(endpoint, PATIENCE)
        return go(f"{path_of(id)}/deliveries/{delivery['id']}", tested(delivery))

    @router.post(f"{PATH}/{{id}}/retry-failed")
    async def retry_failed(id: str, visitor: Visitor = may_act) -> Response:
        """Posts again what was given up or canceled of the last day's."""
        endpoint = await actions.endpoints.found(visitor.workspace_id, id)
        await actions.tasks.replay(endpoint, ReplayBody(since=datetime.now(UTC) - OF_LATE, states="failed"))
        return go(f"{path_of(id)}/tasks", "What failed in the last 24 hours is posted again, a few at a time.")

    return router


NOTHING: Mapping[str, Any] = {"data": [], "has_more": False, "next_cursor": None}


def filters_of(query: Mapping[str, str]) -> dict[str, str]:
    """The filters that were given; without cursors."""
    return {name: value for name in FILTERS if (value := query.get(name, "").strip())}


def listing_of(query: Mapping[str, str]) -> tuple[EndpointListing | None, list[Fault]]:
    """The list that a query asks for, or what is wrong with the query."""
    given = filters_of(query)
    moments: dict[str, Any] = {name: moment_of(given[name]) for name in ("since", "until") if name in given}
    asked: dict[str, Any] = {**given, **moments, "cursor": query.get("cursor") or None, "limit": ON_A_PAGE}
    try:
        return EndpointListing.model_validate(asked), []
    except ValidationError as error:
        return None, faults_of(error.errors())


def row_of(delivery: Mapping[str, Any], last: Mapping[str, Any] | None) -> dict[str, Any]:
    """A delivery of the list, with what its last attempt came to, if it had one."""
    said: dict[str, Any] | None = None
    if last is not None:
        said = {"ok": last["error"] is None, "words": outcome(last["status"], last["error"]), "ms": last["ms"]}
    return {**delivery, "said": said, "overdue": is_overdue(delivery, datetime.now(UTC))}


def tested(delivery: Mapping[str, Any]) -> str:
    """What came of a test, for the notice."""
    if not delivery["attempts"]:
        return "The test waits to be posted; this page follows it."
    last = delivery["attempts"][0]
    words = outcome(last["status"], last["error"])
    if delivery["state"] == "succeeded":
        return f"The test was taken: {words} after {last['ms']} ms."
    return f"The test was posted, but not taken: {words}."
