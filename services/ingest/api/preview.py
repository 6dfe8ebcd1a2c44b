"""`POST /v1/emails/preview`: what a send would look like, and what is wrong with it; nothing is stored."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest.acceptance.admission import Admission, letter_of, now_ms
from services.ingest.acceptance.examination import Examined
from services.ingest.acceptance.marking import tracked_of
from services.ingest.acceptance.send_request import MalformedJsonError, parse_send_request
from services.ingest.acceptance.warnings import warnings_of
from services.ingest.api.door import Door, malformed
from services.ingest.api.email_schemas import preview_operation, preview_responses
from services.ingest.api.schemas import WORKSPACE
from services.ingest.store.uploads import File
from services.ingest.tracking.rewriting import Tracked, readable
from shared.api import json_response, service_router
from shared.content import Attachment, Content
from shared.errors import answered_within
from shared.mail.compose import compose
from shared.service import Base
from shared.tokens import uuid7


def preview_router(base: Base, admission: Admission, door: Door) -> APIRouter:
    router = service_router(base.tracing, tags=["emails"])

    async def preview(request: Request) -> Response:
        principal = await door.sender(request)
        principal.require_content()
        try:
            asked, faults = parse_send_request(await door.json_body(request))
        except MalformedJsonError as error:
            raise malformed(error) from error
        tracked = tracked_of(asked, principal)
        async with answered_within(door.settings.answer_seconds):
            examined = await admission.preview(principal, asked, faults)
        view = await asyncio.to_thread(_view, principal.workspace_id, examined, tracked)
        return json_response(200, {"data": view})

    for path, part, parameters, more in (
        ("/v1/emails/preview", "", (), ()),
        ("/v1/workspaces/{workspace}/emails/preview", "_workspace", (WORKSPACE,), (404,)),
    ):
        router.add_api_route(
            path,
            preview,
            methods=["POST"],
            summary="Render and check a send without sending it",
            operation_id=f"preview{part}_email",
            responses=preview_responses(*more),
            openapi_extra=preview_operation(*parameters),
        )
    return router


def _view(workspace_id: str, examined: Examined, tracked: Tracked) -> dict[str, Any]:
    letter = letter_of(examined, [_attachment(file) for file in examined.checked.files], tracked)
    assert examined.origin is not None
    content = Content(
        content_id="preview",
        workspace_id=workspace_id,
        from_=examined.origin.mailbox,
        to=list(letter.to),
        cc=list(letter.cc),
        reply_to=letter.reply_to,
        subject=letter.subject,
        html=readable(letter.html, letter.nonce, letter.links),
        text=readable(letter.text, letter.nonce, letter.links),
        headers=dict(letter.headers),
        attachments=list(letter.attachments),
        expires_at=examined.checked.times.expires_at,
    )
    size = len(compose(content, message_id=uuid7(), date=now_ms()))
    return {
        "from": content.from_,
        "to": content.to,
        "cc": content.cc,
        "reply_to": content.reply_to,
        "subject": content.subject,
        "html": content.html,
        "text": content.text,
        "headers": content.headers,
        "mime_bytes": size,
        "warnings": [{"code": code, "detail": detail} for code, detail in warnings_of(content, size)],
    }


def _attachment(file: File) -> Attachment:
    assert isinstance(file.data, bytes)
    return Attachment(
        blob_id="preview",
        size=file.size,
        digest="",
        data=file.data,
        filename=file.filename,
        content_type=file.content_type,
        content_id=file.content_id,
    )
