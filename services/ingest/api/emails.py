"""`POST /v1/emails`: a developer's send, answered once it is stored durably."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from fastapi import APIRouter, Request, Response
from pymongo.errors import PyMongoError

from services.ingest.acceptance.admission import Admission, Admitted, Call, require_sending
from services.ingest.acceptance.documents import Accepted
from services.ingest.acceptance.idempotency import read_key
from services.ingest.acceptance.send_request import MalformedJsonError, parse_send_request
from services.ingest.api.body import read_body, require_json
from services.ingest.api.schemas import WORKSPACE, send_operation, send_responses
from services.ingest.settings import Settings
from shared.api import service_router, traced
from shared.auth import Principal
from shared.errors import ProblemError, answered_within
from shared.service import Base
from shared.telemetry import metrics

DOOR = "rest"


def emails_router(base: Base, admission: Admission, settings: Settings) -> APIRouter:
    router = service_router(base.tracing, tags=["emails"])

    async def send(request: Request) -> Response:
        try:
            principal = await _gates(request)
            admitted = await _admit(request, principal)
        except ProblemError as problem:
            metrics.REFUSED.labels(problem.code, DOOR).inc()
            raise
        except PyMongoError:
            metrics.REFUSED.labels("unavailable", DOOR).inc()
            raise
        headers = {"Idempotency-Replayed": "true"} if admitted.replayed else None
        return Response(admitted.reply, 202, headers, media_type="application/json")

    async def _gates(request: Request) -> Principal:
        async with answered_within(settings.answer_seconds):
            principal = await base.authenticator.admit(request)
        if "workspace" in request.path_params:
            principal.require_workspace(request.path_params["workspace"])
        principal.require_scope("email.send")
        require_sending(principal)
        return principal

    async def _admit(request: Request, principal: Principal) -> Admitted:
        require_json(request)
        key = read_key(request.headers.getlist("idempotency-key"))
        body = await read_body(request, settings.max_body_bytes)
        try:
            asked, faults = parse_send_request(body)
        except MalformedJsonError as error:
            raise ProblemError(400, "malformed_json", f"{error}.") from error
        call = Call(principal, DOOR, request.state.trace, key)
        async with answered_within(settings.answer_seconds):
            return await admission.admit(call, asked, faults, render)

    for path, name, parameters in (
        ("/v1/emails", "send_email", ()),
        ("/v1/workspaces/{workspace}/emails", "send_workspace_email", (WORKSPACE,)),
    ):
        router.add_api_route(
            path,
            send,
            methods=["POST"],
            status_code=202,
            summary="Queue a developer email send",
            operation_id=name,
            responses=send_responses(),
            openapi_extra=send_operation(*parameters),
        )
    router.direct["POST", "/v1/emails"] = traced(base.tracing, "/v1/emails", send)
    return router


def render(accepted: Sequence[Accepted]) -> bytes:
    messages = [
        {
            "uuid": message.message_id,
            "recipient": message.recipient,
            "type": message.type.value,
            "from": message.sender,
            "status": "pending",
        }
        for message in accepted
    ]
    return orjson.dumps({"data": {"accepted": True, "message_count": len(messages), "messages": messages}})
