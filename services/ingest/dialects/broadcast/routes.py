"""Broadcast's two routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.documents import Accepted
from services.ingest.api.door import Door
from services.ingest.api.messages import SCOPE, MessageReader
from services.ingest.dialects.broadcast.limits import told
from services.ingest.dialects.broadcast.schemas import get_operation, send_operation
from services.ingest.dialects.broadcast.shapes import Transactional, core_fields, error_shape, of_content, shown
from services.ingest.dialects.reading import object_of, replay_headers, request_of
from shared.api import json_response, service_router
from shared.content import ContentStore
from shared.contracts.messages import Message
from shared.errors import ProblemError, answered_within, not_found
from shared.service import Base
from shared.tokens import time_of_number

PREFIX = "/api/v1/transactionals"
NUMBER = re.compile(r"[0-9]{1,16}")


def broadcast_router(base: Base, admission: Admission, reader: MessageReader, door: Door) -> APIRouter:
    router = service_router(base.tracing, tags=["broadcast"])
    router.shapes = {PREFIX: error_reply, f"{PREFIX}.json": error_reply}
    contents = ContentStore(base.content_database)
    public_url = door.settings.public_url.rstrip("/")

    async def send_transactional(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request)).with_number()
            given = object_of(await door.json_body(request))
            asked, faults = request_of(core_fields(given, call.principal))

            def render(accepted: Sequence[Accepted]) -> bytes:
                (message,) = accepted
                assert message.number is not None
                it = Transactional(
                    number=message.number,
                    recipient=str(given["to"]),
                    subject=str(given["subject"]),
                    body=given["body"],
                    reply_to=given.get("reply_to") or None,
                    include_unsubscribe_link=given.get("include_unsubscribe_link") is True,
                    created_at=time_of_number(message.number),
                )
                return orjson.dumps(shown(it, public_url, {}, {}, None))

            async with answered_within(door.settings.answer_seconds):
                admitted = await admission.admit(call, asked, faults, render)
        headers = told(request) | replay_headers(admitted)
        return Response(admitted.reply, 201, headers, media_type="application/json")

    async def get_transactional(number: str, request: Request) -> Response:
        principal = await door.caller(request, SCOPE)
        async with answered_within(door.settings.answer_seconds):
            view = await _view(principal.workspace_id, number.removesuffix(".json"))
        return json_response(200, view, told(request))

    async def _view(workspace_id: str, number: str) -> dict[str, Any]:
        known = NUMBER.fullmatch(number) is not None
        submission = await reader.numbered(workspace_id, int(number)) if known else None
        if submission is None:
            raise not_found("transactional")
        record = Message.decode(bytes(submission["messages"][0]["record"]))
        document = await reader.document(workspace_id, record.message_id, detail=True)
        content = await contents.peek(record.content_id, workspace_id)
        if content is None:
            raise not_found("transactional")
        it = of_content(int(number), content, record.recipient, time_of_number(int(number)))
        return shown(it, public_url, document.get("times", {}), document["head"], reason_of(document))

    router.add_api_route(f"{PREFIX}.json", send_transactional, methods=["POST"], status_code=201, **send_operation())
    router.add_api_route(f"{PREFIX}/{{number}}", get_transactional, methods=["GET"], **get_operation())
    return router


def error_reply(request: Request, problem: ProblemError) -> Response:
    """An error, which tells of the limits like every other reply."""
    response = error_shape(request, problem)
    response.headers.update(told(request))
    return response


def reason_of(document: dict[str, Any]) -> str | None:
    """Why a message ended as it did, as its last event says."""
    event = document.get("events", {}).get(document["head"].get("event_id"), {})
    data = event.get("data", {})
    reason = data.get("reason") or data.get("class") or data.get("reply")
    return str(reason) if reason is not None else None
