"""How a workspace's webhooks do, in a few lines: a part of the overview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from services.webhooks.api.router import SCOPE, Actions
from services.webhooks.console.naming import PATH
from services.webhooks.console.standings import Row, Standings
from shared.console.console import Console
from shared.console.gate import Visitor

MOST_LOOKED_AT = 100
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Summary:
    """How many endpoints do well, fail (or are paused) and are disabled, and the worst of those to be looked at."""

    well: int
    failing: int
    disabled: int
    named: list[Row]
    unnamed: int
    more: bool

    @property
    def tone(self) -> str:
        if any(row.standing.tone == "bad" for row in self.named):
            return "bad"
        return "warn" if self.named else "good"


def summary_of(count: int, rows: Sequence[Row], *, more: bool) -> Summary:
    """`rows` are those of `count` endpoints that are disabled or in trouble; `more` says that there are endpoints that
    nobody looked at."""
    disabled = sum(row.standing.state == "disabled" for row in rows)
    troubled = sorted((row for row in rows if row.standing.needs_attention), key=lambda row: row.standing.tone != "bad")
    return Summary(
        well=count - len(rows),
        failing=len(rows) - disabled,
        disabled=disabled,
        named=troubled[:MOST_NAMED],
        unnamed=max(0, len(troubled) - MOST_NAMED),
        more=more,
    )


def summary_parts(console: Console, actions: Actions, standings: Standings) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(SCOPE)

    async def found(visitor: Visitor) -> dict[str, Any]:
        workspace_id = visitor.workspace_id
        page = await actions.endpoints.page(workspace_id, MOST_LOOKED_AT, None)
        rows = await standings.troubled(workspace_id, page["data"])
        summary = summary_of(len(page["data"]), rows, more=page["has_more"])
        return {"summary": summary, "backlog": await standings.backlog(workspace_id)}

    @router.get(f"{PATH}/summary")
    async def show(visitor: Visitor = allowed) -> Response:
        return pages.fragment("webhooks_summary.html", **await found(visitor))

    @router.get(f"{PATH}/summary/live")
    async def follow(request: Request, visitor: Visitor = allowed) -> Response:
        async def render() -> str:
            return pages.part("webhooks_summary.html", **await found(visitor))

        return await console.live(request, render, is_alike=True)

    return router
