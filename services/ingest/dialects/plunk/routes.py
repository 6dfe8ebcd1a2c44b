"""Plunk's two routes."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response

from services.ingest.acceptance.idempotency import PRINTABLE
from services.ingest.api.contacts import SCOPE
from services.ingest.api.door import Door
from services.ingest.dialects.plunk.schemas import send_operation, track_operation
from services.ingest.dialects.plunk.sending import PlunkSending
from services.ingest.dialects.plunk.shapes import about, error_shape, success
from services.ingest.dialects.plunk.tracking import PlunkTracking
from services.ingest.dialects.reading import object_of
from shared.api import json_response, service_router
from shared.errors import ProblemError, answered_within
from shared.service import Base

T = TypeVar("T")
SEND, TRACK = "/v1/send", "/v1/track"
LARGEST_EVENT = 256 * 1024


def plunk_router(base: Base, sending: PlunkSending, tracking: PlunkTracking, door: Door) -> APIRouter:
    router = service_router(base.tracing, tags=["plunk"])
    router.shapes = {SEND: error_shape, TRACK: error_shape}

    async def send(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request), PRINTABLE)
            given = object_of(await door.json_body(request))
            emails = await in_time(sending.send(call, given), given)
        return json_response(200, success(emails, datetime.now(UTC)))

    async def track(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.caller(request, SCOPE), PRINTABLE)
            given = object_of(await door.json_body(request, LARGEST_EVENT))
            event = await in_time(tracking.track(call, given), given)
        return json_response(200, event)

    async def in_time(doing: Awaitable[T], given: Mapping[str, Any]) -> T:
        try:
            async with answered_within(door.settings.answer_seconds):
                return await doing
        except ProblemError as problem:
            problem.members |= about(problem, given)
            raise

    router.add_api_route(SEND, send, methods=["POST"], **send_operation())
    router.add_api_route(TRACK, track, methods=["POST"], **track_operation())
    return router
