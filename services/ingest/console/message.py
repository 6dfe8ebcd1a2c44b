"""One message: what happened and why, its timeline, what it says, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.gates import require_sending
from services.ingest.acceptance.storing import Call
from services.ingest.api.actions import MessageActions
from services.ingest.api.emails import render
from services.ingest.api.messages import SCOPE, MessageReader
from services.ingest.console.curl import as_curl
from services.ingest.console.explanation import explained
from services.ingest.console.messages import PATH
from services.ingest.console.preview import PREVIEW_HEADERS, VIEWS, Said, framed, views_of
from services.ingest.console.steps import steps_of
from services.ingest.projection.fold import ENDED
from services.ingest.projection.timeline import timeline_of
from services.ingest.projection.views import message_view
from services.ingest.settings import Settings
from shared.auth import Principal
from shared.console.console import Console
from shared.console.gate import Visitor
from shared.content import Content
from shared.errors import ProblemError, not_found

SEND = "email.send"
MOST_RAW = 1024 * 1024
Document = Mapping[str, Any]


def message_pages(console: Console, reader: MessageReader, actions: MessageActions, settings: Settings) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(SCOPE)

    async def found(visitor: Visitor, id_: str) -> dict[str, Any]:
        return shown(await reader.document(visitor.workspace_id, id_.lower(), detail=True))

    async def said(principal: Principal, id_: str) -> tuple[Content, Said]:
        content = await actions.content(principal, id_.lower())
        raw = await beginning(actions, content) if content.raw is not None else None
        return content, views_of(content, raw)

    @router.get(f"{PATH}/{{id}}")
    async def show(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        parts = await found(visitor, id)
        trace_url = trace_url_of(settings.trace_url, parts["message"]["trace_id"])
        return pages.show(request, visitor, "message.html", trace_url=trace_url, **parts)

    @router.get(f"{PATH}/{{id}}/live")
    async def follow(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        async def render_story() -> str:
            return pages.part("message_story.html", **await found(visitor, id))

        return await console.live(request, render_story, is_alike=True)

    @router.get(f"{PATH}/{{id}}/content")
    async def show_content(request: Request, id: str, view: str = "html", visitor: Visitor = allowed) -> Response:
        """What it says, one view at a time: a part of the message's page, or without script a page of its own."""
        parts: dict[str, Any] = {"id": id.lower(), "view": view if view in dict(VIEWS) else "html", "views": VIEWS}
        try:
            content, views = await said(visitor.principal, id)
            record = await reader.record(visitor.workspace_id, id.lower())
            parts |= {"said": views, "curl": as_curl(settings.public_url, record, content), "fault": None}
        except ProblemError as problem:
            if problem.code == "not_found":
                raise
            parts |= {"said": None, "fault": problem.detail}
        if "hx-request" in request.headers:
            return pages.fragment("message_content.html", **parts)
        return pages.show(request, visitor, "message_content_page.html", **parts)

    @router.get(f"{PATH}/{{id}}/preview")
    async def preview(id: str, visitor: Visitor = allowed) -> Response:
        """The message's HTML for a frame that lets it do nothing and call nobody."""
        _, views = await said(visitor.principal, id)
        if views.html is None:
            raise not_found("HTML part")
        return HTMLResponse(framed(views), headers=PREVIEW_HEADERS)

    return router


def message_buttons(
    console: Console, reader: MessageReader, actions: MessageActions, admission: Admission
) -> APIRouter:
    """What can be done with a message here; what waits in the queue is its sender's."""
    router = console.router()
    pages = console.pages
    may_send = console.gate.action(SEND)

    @router.post(f"{PATH}/{{id}}/cancel")
    async def cancel(id: str, visitor: Visitor = may_send) -> Response:
        status, _ = await actions.cancel(visitor.workspace_id, id.lower())
        notice = "Canceled: it will not be sent." if status == 200 else "Its sender was asked to cancel it."
        return pages.go(f"{PATH}/{id.lower()}", notice)

    @router.post(f"{PATH}/{{id}}/resend")
    async def resend(request: Request, id: str, visitor: Visitor = may_send) -> Response:
        principal = visitor.principal
        require_sending(principal)
        record = await reader.record(visitor.workspace_id, id.lower())
        content = await actions.content(principal, id.lower())
        admitted = await admission.resend(
            Call(principal, "console", request.state.trace, None), record, content, render
        )
        (message,) = orjson.loads(admitted.reply)["data"]["messages"]
        return pages.go(f"{PATH}/{message['uuid']}", "Sent again, as this new message.")

    return router


def trace_url_of(template: str | None, trace_id: str | None) -> str | None:
    """Where a distributed trace is shown; None where nobody keeps traces, or there is none."""
    return template.replace("{trace_id}", trace_id) if template and trace_id else None


async def beginning(actions: MessageActions, content: Content) -> bytes:
    """The beginning of a whole message, as much of it as is shown."""
    raw = b""
    assert content.raw is not None
    async for chunk in actions.bytes_of(content.raw):
        raw += chunk
        if len(raw) >= MOST_RAW:
            break
    return raw


def shown(document: Document) -> dict[str, Any]:
    """A message as its page shows it."""
    view, timeline = message_view(document), timeline_of(document)
    return {
        "message": view,
        "explanation": explained(view, timeline),
        "steps": steps_of(timeline),
        "ended": view["status"] in ENDED,
    }
