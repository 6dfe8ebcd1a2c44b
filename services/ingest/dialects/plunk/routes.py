"""Plunk's route."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from services.ingest.acceptance.idempotency import PRINTABLE
from services.ingest.api.door import Door
from services.ingest.dialects.plunk.schemas import send_operation
from services.ingest.dialects.plunk.sending import PlunkSending
from services.ingest.dialects.plunk.shapes import about, error_shape, success
from services.ingest.dialects.reading import object_of
from shared.api import json_response, service_router
from shared.errors import ProblemError, answered_within
from shared.service import Base

PATH = "/v1/send"


def plunk_router(base: Base, sending: PlunkSending, door: Door) -> APIRouter:
    router = service_router(base.tracing, tags=["plunk"])
    router.shapes = {PATH: error_shape}

    async def send(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request), PRINTABLE)
            given = object_of(await door.json_body(request))
            try:
                async with answered_within(door.settings.answer_seconds):
                    emails = await sending.send(call, given)
            except ProblemError as problem:
                problem.members |= about(problem, given)
                raise
        return json_response(200, success(emails, datetime.now(UTC)))

    router.add_api_route(PATH, send, methods=["POST"], **send_operation())
    return router
