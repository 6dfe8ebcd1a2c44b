"""The routers of the sender's pages: the queue by its lists, live, and its summary for the overview."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from services.sender.api.router import ACT, READ, ROUTE, QueueParts
from services.sender.console.acting import acting_pages
from services.sender.console.filters import LANE_CHOICES, PATH, STATE_CHOICES
from services.sender.console.lists import Lists, Query, Shown
from services.sender.console.saying import STATES, said
from services.sender.queue.flow import Flow
from shared.console.console import Console
from shared.console.gate import Visitor
from shared.service import Base


@dataclass(frozen=True, slots=True)
class Tab:
    """A list of the queue. `template` is its page, `rows` the part of it that is live."""

    name: str
    path: str
    template: str
    rows: str
    read: Callable[[Visitor, Query], Awaitable[Shown]]


def console_routers(base: Base, parts: QueueParts) -> list[APIRouter]:
    console = Console(base, __package__)
    lists = Lists(parts.reader, base.cache)
    return [
        summary_pages(console, parts.flow),
        acting_pages(console, parts, lists),
        list_pages(console, parts.flow, lists),
    ]


def list_pages(console: Console, flow: Flow, lists: Lists) -> APIRouter:
    router = console.router()
    tabs = [
        Tab("Messages", PATH, "queue.html", "queue_rows.html", lists.messages),
        Tab("Destinations", f"{PATH}/destinations", "destinations.html", "destination_rows.html", lists.destinations),
        Tab("Holds", f"{PATH}/holds", "holds.html", "hold_rows.html", lists.holds),
        Tab("What was done", f"{PATH}/jobs", "jobs.html", "job_rows.html", lists.jobs),
    ]
    for tab in tabs:
        add_list(router, console, flow, tab, tabs)
    return router


def add_list(router: APIRouter, console: Console, flow: Flow, tab: Tab, tabs: list[Tab]) -> None:
    """A list's page, and its live part; pages behind the first one are not live."""
    pages = console.pages
    allowed = console.gate.page(READ)

    async def shown(visitor: Visitor, query: Query) -> dict[str, Any]:
        return {
            "lanes": [said(lane) for lane in await flow.lanes(visitor.workspace_id)],
            "states": STATES,
            "may_act": visitor.may(ACT),
            **await tab.read(visitor, query),
        }

    @router.get(tab.path)
    async def show(request: Request, visitor: Visitor = allowed) -> Response:
        parts = await shown(visitor, request.query_params)
        choices = {"lane_choices": LANE_CHOICES, "state_choices": STATE_CHOICES, "may_route": visitor.may(ROUTE)}
        return pages.show(request, visitor, tab.template, parts["form"].status, tab=tab, tabs=tabs, **choices, **parts)

    @router.get(f"{tab.path}/live")
    async def follow(request: Request, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            parts = await shown(visitor, request.query_params)
            return pages.part("queue_live.html", rows=tab.rows, visitor=visitor, **parts)

        return await console.live(request, render)


def summary_pages(console: Console, flow: Flow) -> APIRouter:
    """The queue in a pane, for the overview."""
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(READ)

    async def lanes(visitor: Visitor) -> dict[str, Any]:
        return {"lanes": [said(lane) for lane in await flow.lanes(visitor.workspace_id)]}

    @router.get(f"{PATH}/summary")
    async def summary(visitor: Visitor = allowed) -> Response:
        return pages.fragment("summary.html", **await lanes(visitor))

    @router.get(f"{PATH}/summary/live")
    async def follow(request: Request, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            return pages.part("summary.html", **await lanes(visitor))

        return await console.live(request, render, is_alike=True)

    return router
