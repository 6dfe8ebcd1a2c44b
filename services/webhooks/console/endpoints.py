"""The list of endpoints, and how each of them does, live."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from services.webhooks.api.router import SCOPE, Actions
from services.webhooks.console.naming import PATH
from services.webhooks.console.standings import MOST_COUNTED_OF_MANY, Standings
from shared.console.console import Console
from shared.console.gate import Visitor

ON_A_PAGE = 25


def endpoints_pages(console: Console, actions: Actions, standings: Standings) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(SCOPE)

    async def found(visitor: Visitor, cursor: str | None) -> dict[str, Any]:
        page = await actions.endpoints.page(visitor.workspace_id, ON_A_PAGE, cursor)
        more = page["next_cursor"]
        return {
            "rows": await standings.of(visitor.workspace_id, page["data"], MOST_COUNTED_OF_MANY),
            "next_url": f"{PATH}?{urlencode({'cursor': more})}" if more else None,
            "first_url": PATH if cursor else None,
            "live_url": f"{PATH}/live?{urlencode({'cursor': cursor})}" if cursor else f"{PATH}/live",
        }

    @router.get(PATH)
    async def show(request: Request, cursor: str | None = None, visitor: Visitor = allowed) -> Response:
        return pages.show(request, visitor, "webhooks.html", **await found(visitor, cursor))

    @router.get(f"{PATH}/live")
    async def follow(request: Request, cursor: str | None = None, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            return pages.part("webhook_rows.html", **await found(visitor, cursor))

        return await console.live(request, render)

    return router
