"""The page of routing, and what the overview shows of it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.router.console.board import Boards
from shared.console.console import Console
from shared.console.gate import Visitor

PATH = "/console/routing"
SCOPE = "routing"


def overview_pages(console: Console, boards: Boards) -> APIRouter:
    """The page, and the parts of it that follow what happens."""
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(SCOPE)

    @router.get(PATH)
    async def show(request: Request, visitor: Visitor = allowed) -> Response:
        return pages.show(request, visitor, "routing.html", board=await boards.of(visitor.workspace_id))

    @router.get(f"{PATH}/live")
    async def follow(request: Request, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            return pages.part("board.html", board=await boards.of(visitor.workspace_id))

        return await console.live(request, render, is_alike=True)

    @router.get(f"{PATH}/summary")
    async def summary(visitor: Visitor = allowed) -> Response:
        """For another service's page: where each stream goes, how the transports do, what failed over."""
        return pages.fragment("summary.html", board=await boards.of(visitor.workspace_id))

    @router.get(f"{PATH}/summary/live")
    async def follow_summary(request: Request, visitor: Visitor = allowed) -> Response:
        async def render_summary() -> str:
            return pages.part("summary.html", board=await boards.of(visitor.workspace_id))

        return await console.live(request, render_summary, is_alike=True)

    return router
