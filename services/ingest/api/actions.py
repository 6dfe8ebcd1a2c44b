"""What can be done with a message that was accepted: cancel it, send it again, and read what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from services.ingest.acceptance.admission import Admission, now_ms
from services.ingest.api.door import Door
from services.ingest.api.email_schemas import MESSAGE, ContentReply, send_responses
from services.ingest.api.emails import render
from services.ingest.api.messages import SCOPE, MessageReader
from services.ingest.api.operations import GATES
from services.ingest.api.schemas import IDEMPOTENCY_KEY, WORKSPACE
from services.ingest.projection.fold import ENDED
from services.ingest.projection.views import content_view, message_view
from services.ingest.store.schedule import Canceled, Schedule
from shared.api import json_response, service_router
from shared.auth import Principal, caller
from shared.content import Attachment, Blob, Content, ContentStore
from shared.erasure import is_erased
from shared.errors import ProblemError, answered_within, not_found
from shared.openapi.operations import problems, replies
from shared.openapi.security import needs
from shared.service import Base

NOT_KEPT = "content_not_kept"


class MessageActions:
    """The routes' work; each call names the workspace of the caller's key."""

    def __init__(self, reader: MessageReader, schedule: Schedule, contents: ContentStore) -> None:
        self._reader = reader
        self._schedule = schedule
        self._contents = contents

    async def cancel(self, workspace_id: str, message_id: str) -> tuple[int, dict[str, Any]]:
        """200 with the canceled message, or 202 where its owner was asked to; raises a 404 or 409 problem."""
        document = await self._reader.document(workspace_id, message_id, detail=False)
        status = document["head"]["status"]
        if status == "canceled":
            return 200, message_view(document)
        if status in ENDED:
            raise ProblemError(409, "already_ended", f"The message is {status} already.")
        canceled = await self._schedule.cancel(workspace_id, message_id, now_ms())
        if canceled is Canceled.TOO_LATE:
            raise ProblemError(409, "already_gone", "The message's time has come: it has just gone.")
        view = message_view(document)
        return (200, view | {"status": "canceled"}) if canceled is Canceled.DONE else (202, view)

    async def content(self, principal: Principal, message_id: str) -> Content:
        """What the message says; raises a 404 problem once that is not kept any more, 410 where nothing is kept."""
        record = await self._reader.record(principal.workspace_id, message_id)
        if not principal.workspace.keep_content:
            raise ProblemError(410, NOT_KEPT, "This workspace keeps nothing of what its messages say.")
        content = await self._contents.peek(record.content_id, principal.workspace_id)
        if content is None or is_erased(record.recipient):
            raise ProblemError(404, "content_gone", "What this message says is not kept any more.")
        return content

    async def content_while_kept(self, principal: Principal, message_id: str) -> Content | None:
        """What the message says, None once that is not kept any more."""
        try:
            return await self.content(principal, message_id)
        except ProblemError:
            return None

    async def attachment(self, principal: Principal, message_id: str, attachment_id: str) -> Attachment:
        """One of the message's attachments; raises a 404 problem, 410 where nothing is kept."""
        content = await self.content(principal, message_id)
        found = next((one for one in content.attachments if one.blob_id == attachment_id), None)
        if found is None:
            raise not_found("attachment")
        return found

    async def bytes_of(self, blob: Blob) -> AsyncIterator[bytes]:
        """The bytes of an attachment or a whole message, a chunk at a time."""
        if blob.data is not None:
            yield blob.data
        for number in range(blob.chunks):
            chunk = await self._contents.chunk(blob, number)
            if chunk is None:
                raise ProblemError(404, "content_gone", "It is not kept any more.")
            yield chunk


def actions_router(
    base: Base, admission: Admission, reader: MessageReader, actions: MessageActions, door: Door
) -> APIRouter:
    router = service_router(base.tracing, tags=["emails"])
    may_send, may_read = caller(base.authenticator, "email.send"), caller(base.authenticator, SCOPE)

    async def cancel_email(id: str, principal: Principal = may_send) -> Response:
        status, view = await actions.cancel(principal.workspace_id, id.lower())
        return json_response(status, view)

    async def get_email_content(id: str, principal: Principal = may_read) -> Response:
        return json_response(200, content_view(id.lower(), await actions.content(principal, id.lower())))

    async def get_attachment(id: str, attachment: str, principal: Principal = may_read) -> Response:
        found = await actions.attachment(principal, id.lower(), attachment)
        headers = {
            "Content-Disposition": f"attachment; filename*=utf-8''{quote(found.filename, safe='')}",
            "Content-Length": str(found.size),
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(actions.bytes_of(found), 200, headers, media_type=found.content_type)

    async def resend_email(id: str, request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request))
            workspace_id = call.principal.workspace_id
            async with answered_within(door.settings.answer_seconds):
                record = await reader.record(workspace_id, id.lower())
                content = await actions.content(call.principal, id.lower())
                admitted = await admission.resend(call, record, content, render)
        headers = {"Idempotency-Replayed": "true"} if admitted.replayed else None
        return Response(admitted.reply, 202, headers, media_type="application/json")

    canceled = {
        **replies(202, MESSAGE, "Its owner was asked to cancel it; its status tells"),
        **replies(
            200, MESSAGE, "It will not be sent", *GATES, 404, 409,
            _404="No such message", _409="It has ended, or it has just gone",
        ),
    }  # fmt: skip
    no_content = "No such message, or what it says is not kept any more"
    gone = problems(*GATES, 404, 410, _404=no_content)
    file: dict[int | str, Any] = {
        200: {"description": "The file", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
    }
    for prefix, part, parameters in (
        ("/v1/emails/{id}", "", []),
        ("/v1/workspaces/{workspace}/emails/{id}", "_workspace", [WORKSPACE]),
    ):
        for method, path, act, name, summary, responses in (
            ("DELETE", "", cancel_email, f"cancel{part}_email", "Cancel a message", canceled),
            (
                "GET", "/content", get_email_content, f"get{part}_email_content", "What a message says",
                replies(200, ContentReply, "What it says", *GATES, 404, 410, _404=no_content),
            ),
            (
                "GET", "/attachments/{attachment}", get_attachment, f"get{part}_attachment",
                "The bytes of an attachment", {**file, **gone},
            ),
            (
                "POST", "/resend", resend_email, f"resend{part}_email", "Send a message again, to the same recipient",
                send_responses(404, 410, _404=no_content),
            ),
        ):  # fmt: skip
            router.add_api_route(
                prefix + path,
                act,
                methods=[method],
                operation_id=name,
                summary=summary,
                responses=responses,
                openapi_extra={"parameters": [*parameters, IDEMPOTENCY_KEY], **needs("email.send")}
                if path == "/resend"
                else {"parameters": parameters},
                status_code=202 if method == "POST" else 200,
                response_class=Response,
            )
    return router
