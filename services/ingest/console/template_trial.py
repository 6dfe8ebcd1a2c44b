"""Trying a template before it is kept: what it becomes with data, as a part of its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from services.ingest.api.templates import FEATURE, SCOPE
from services.ingest.console.preview import MOST_SHOWN, PREVIEW_HEADERS
from services.ingest.console.template_form import HINTS, data_of, draft_of, given_by
from services.ingest.console.template_list import PATH
from services.ingest.faults import Faults
from services.ingest.templates.preview import preview
from services.ingest.templates.template import check_template
from shared.auth import Principal
from shared.console.console import Console
from shared.console.forms import field_of
from shared.console.gate import Visitor
from shared.errors import ProblemError

NO_HTML = "<!doctype html><title>No HTML</title><p>It has no HTML part."


def template_trial(console: Console) -> APIRouter:
    """What the form's fields become. To be added before the pages of one template, whose paths begin alike."""
    router = console.router()
    may_try = console.gate.action(SCOPE)

    @router.post(f"{PATH}/preview")
    async def show(request: Request, visitor: Visitor = may_try) -> Response:
        visitor.principal.require_feature(FEATURE)
        shown = shown_of(visitor.principal, await given_by(request))
        return console.pages.fragment("template_preview.html", live=True, **shown)

    @router.post(f"{PATH}/preview/frame")
    async def frame(request: Request, visitor: Visitor = may_try) -> Response:
        """The HTML for a frame that lets it do nothing and call nobody."""
        visitor.principal.require_feature(FEATURE)
        visitor.principal.require_content()
        given, faults = await given_by(request), Faults()
        shown = preview(draft_of(given), data_of(given["data"], faults), faults)
        return HTMLResponse(shown["html"] or NO_HTML, headers=PREVIEW_HEADERS)

    return router


def shown_of(principal: Principal, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields become, and what is wrong with them: the parts of the preview."""
    try:
        principal.require_content()
    except ProblemError as problem:
        return {"rendered": None, "wrong": [("", problem.detail)], "hints": HINTS}
    faults = Faults()
    draft = draft_of(given)
    fields = {name: value for name, value in draft.shown().items() if value is not None}
    check_template(fields, faults, smtputf8=principal.workspace.smtputf8)
    rendered = preview(draft, data_of(given["data"], faults), faults)
    wrong = [(field_of(fault.pointer), fault.detail) for fault in faults.all()]
    text, missing = rendered["text"], [] if faults.concern("data") else rendered["missing"]
    shown = {**rendered, "text": text and text[:MOST_SHOWN], "missing": missing}
    return {"rendered": shown, "wrong": wrong, "hints": HINTS}
