"""`POST /v1/emails` and its batch: sends, answered once they are stored durably."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pymongo.errors import PyMongoError

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.documents import Accepted
from services.ingest.acceptance.files import MOST_FILES
from services.ingest.acceptance.idempotency import read_key
from services.ingest.acceptance.send_request import MalformedJsonError, parse_send_request, read_send_request
from services.ingest.acceptance.storing import Admitted, Call
from services.ingest.api.door import Door, malformed, parse_model
from services.ingest.api.email_schemas import batch_operation, batch_responses, send_operation, send_responses
from services.ingest.api.schemas import WORKSPACE
from services.ingest.faults import Faults
from services.ingest.store.uploads import File
from shared.api import json_response, service_router, traced
from shared.errors import ProblemError, answered_within, unavailable
from shared.service import Base

LARGEST_BATCH = 500
BEGUN_AT_ONCE = 20


class Batch(BaseModel):
    """Sends, each by itself: one that is refused leaves the others as they are."""

    model_config = ConfigDict(extra="forbid", strict=True)

    emails: list[dict[str, Any]] = Field(min_length=1, max_length=LARGEST_BATCH)


def emails_router(base: Base, admission: Admission, door: Door) -> APIRouter:
    router = service_router(base.tracing, tags=["emails"])
    seconds = door.settings.answer_seconds

    async def send(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request))
            if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
                admitted = await _admit_form(request, call)
            else:
                admitted = await _admit(call, await door.json_body(request))
        headers = {"Idempotency-Replayed": "true"} if admitted.replayed else None
        return Response(admitted.reply, 202, headers, media_type="application/json")

    async def _admit(call: Call, body: bytes, files: Sequence[File] = (), more: Faults | None = None) -> Admitted:
        try:
            asked, faults = parse_send_request(body)
        except MalformedJsonError as error:
            raise malformed(error) from error
        del body  # as large as what was read from it
        if more is not None:
            faults.take(more)
        async with answered_within(seconds):
            return await admission.admit(call, asked, faults, render, files)

    async def _admit_form(request: Request, call: Call) -> Admitted:
        """A form: the request as JSON in the field `message`, and files beside it."""
        faults = Faults()
        async with door.form(request, call.principal, MOST_FILES, faults) as form:
            return await _admit(call, form.fields.get("message", "{}").encode(), form.files, faults)

    async def send_batch(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request))
            batch = parse_model(Batch, await door.json_body(request))
        tasks = []
        for place, item in enumerate(batch.emails):
            tasks.append(asyncio.create_task(_admit_one(request, _call_of(call, item, place), item)))
            if place % BEGUN_AT_ONCE == 0:
                await asyncio.sleep(0)  # others are served in between
        results = await asyncio.gather(*tasks)
        accepted = sum(result["status"] == 202 for result in results)
        return json_response(
            200, {"data": {"accepted": accepted, "refused": len(results) - accepted, "results": results}}
        )

    async def _admit_one(request: Request, call: Call | ProblemError, item: dict[str, Any]) -> dict[str, Any]:
        try:
            if isinstance(call, ProblemError):
                raise call
            with door.counted():
                asked, faults = read_send_request({name: item[name] for name in item if name != "idempotency_key"})
                async with answered_within(seconds):
                    admitted = await admission.admit(call, asked, faults, render)
        except (ProblemError, PyMongoError) as error:
            problem = error if isinstance(error, ProblemError) else unavailable("It is not known; please try again.")
            return {"status": problem.status, "error": problem.body(request.url.path, request.state.request_id)}
        replayed = {"replayed": True} if admitted.replayed else {}
        return {"status": 202, **replayed, **orjson.loads(admitted.reply)}

    for path, part, parameters, more in (
        ("/v1/emails", "", (), ()),
        ("/v1/workspaces/{workspace}/emails", "_workspace", (WORKSPACE,), (404,)),
    ):
        router.add_api_route(
            path,
            send,
            methods=["POST"],
            status_code=202,
            summary="Queue a developer email send",
            operation_id=f"send{part}_email",
            responses=send_responses(*more),
            openapi_extra=send_operation(*parameters),
        )
        router.add_api_route(
            f"{path}/batch",
            send_batch,
            methods=["POST"],
            summary="Queue up to 500 sends, each with a result of its own",
            operation_id=f"send{part}_batch",
            responses=batch_responses(*more),
            openapi_extra=batch_operation(LARGEST_BATCH, *parameters),
        )
    router.direct["POST", "/v1/emails"] = traced(base.tracing, "/v1/emails", send)
    return router


def _call_of(call: Call, item: dict[str, Any], place: int) -> Call | ProblemError:
    """The item's own call: its key, else the batch's key with the item's place."""
    key = item.get("idempotency_key")
    if key is None:
        return call.under(f"{call.key}#{place}" if call.key else None)
    try:
        return call.under(read_key([key if isinstance(key, str) else ""]))
    except ProblemError as problem:
        return problem


def render(accepted: Sequence[Accepted]) -> bytes:
    messages = [
        {
            "uuid": message.message_id,
            "recipient": message.recipient,
            "type": message.type.value,
            "from": message.sender,
            "status": message.status,
        }
        for message in accepted
    ]
    return orjson.dumps({"data": {"accepted": True, "message_count": len(messages), "messages": messages}})
