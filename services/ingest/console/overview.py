"""The overview: what needs attention, the critical lane, events; the other panes come from their services."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest.api.messages import SCOPE
from services.ingest.console.standing import critical_lane, day_curve, figures, matters
from services.ingest.projection.waits import TARGET_MS
from services.ingest.store.activity import Activity
from services.ingest.store.messages import Messages
from services.ingest.store.unattempted import UnattemptedMessages
from shared.console.console import Console
from shared.console.gate import Visitor
from shared.console.pages import ROOT
from shared.service import Base

PANES = (
    ("queue", "Queue", "/console/queue", SCOPE),
    ("routing", "Routing", "/console/routing", "routing"),
    ("webhooks", "Webhooks", "/console/webhooks", "webhooks"),
)


def overview_pages(console: Console, base: Base) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(SCOPE)
    activity, messages = Activity(base.database), Messages(base.database)
    unattempted = UnattemptedMessages(base.database)

    async def standing(workspace_id: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        day, waiting, stuck = await asyncio.gather(
            activity.last(workspace_id, now),
            unattempted.older_than(workspace_id, now, timedelta(milliseconds=TARGET_MS)),
            messages.how_many(workspace_id, "stuck"),
        )
        hour = day.last(60).latency()
        return {
            "matters": matters(day, waiting, stuck),
            "critical": critical_lane(hour, waiting),
            "p50": hour.seconds_at(0.5),
            "p99": hour.seconds_at(0.99),
            "figures": figures(day),
            "chart": day_curve(day),
        }

    @router.get(ROOT)
    async def show(request: Request, visitor: Visitor = allowed) -> Response:
        panes = [pane for pane in PANES if visitor.may(pane[3])]
        return pages.show(request, visitor, "overview.html", panes=panes, **await standing(visitor.workspace_id))

    @router.get("/console/live")
    async def follow(request: Request, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            return pages.part("overview_now.html", **await standing(visitor.workspace_id))

        return await console.live(request, render, is_alike=True)

    return router
