"""Templates: the list."""

from __future__ import annotations

from typing import get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from services.ingest.api.templates import FEATURE, SCOPE, Pages, TemplateListing
from services.ingest.templates.template import TemplateType
from services.ingest.templates.templates import Templates
from shared.console.console import Console
from shared.console.forms import as_body
from shared.console.gate import Visitor

PATH = "/console/templates"
SHOWN = 50
TYPES = [("", "any"), *((name, name) for name in get_args(TemplateType))]


def template_list(console: Console, templates: Templates, cursors: Pages) -> APIRouter:
    router = console.router()

    @router.get(PATH)
    async def show(request: Request, visitor: Visitor = console.gate.page(SCOPE)) -> Response:
        visitor.principal.require_feature(FEATURE)
        query = request.query_params
        type_, cursor = query.get("type") or None, query.get("cursor") or None
        listing = as_body(TemplateListing, {"type": type_, "cursor": cursor, "limit": SHOWN})
        of = f"templates:{visitor.workspace_id}:{listing.type}"
        before = cursors.position(listing.cursor, of)
        newest = await templates.page(visitor.workspace_id, listing.type, before, SHOWN + 1)
        page = cursors.page(newest, SHOWN, of, "id")
        asked = {"type": type_} if type_ else {}
        more = page["next_cursor"]
        return console.pages.show(
            request,
            visitor,
            "templates.html",
            found=page["data"],
            type=type_ or "",
            types=TYPES,
            next_url=f"{PATH}?{urlencode({**asked, 'cursor': more})}" if more else None,
            newest_url=(f"{PATH}?{urlencode(asked)}" if asked else PATH) if cursor else None,
        )

    return router
