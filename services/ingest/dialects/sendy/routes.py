"""Sendy's routes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pymongo.errors import PyMongoError

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.documents import Accepted
from services.ingest.acceptance.storing import Admitted, Call
from services.ingest.api.actions import MessageActions
from services.ingest.api.door import Door
from services.ingest.api.lingering import lingering
from services.ingest.api.messages import MessageReader
from services.ingest.dialects.reading import object_of, replay_headers, request_of
from services.ingest.dialects.sendy import schemas
from services.ingest.dialects.sendy.batch import items_of
from services.ingest.dialects.sendy.listing import Period, SendyListing
from services.ingest.dialects.sendy.shapes import (
    STATUSES,
    core_fields,
    email_view,
    error_of,
    error_shape,
    form_fields,
    success,
    tracking_events,
)
from services.ingest.dialects.sendy.statistics import statistics_view
from services.ingest.faults import Faults
from services.ingest.store.statistics import Statistics
from services.ingest.store.uploads import File
from shared.api import json_response, service_router
from shared.auth import Principal, caller
from shared.errors import ProblemError, answered_within, unavailable
from shared.service import Base

PREFIX = "/api/v1"
MOST_FILES = 10
JSON_BYTES = 1024 * 1024


def sendy_router(
    base: Base, admission: Admission, reader: MessageReader, actions: MessageActions, door: Door
) -> APIRouter:
    router = service_router(base.tracing, tags=["sendy"])
    router.shapes = {PREFIX: error_shape}
    seconds = door.settings.answer_seconds
    statistics = Statistics(base.database)
    # dependencies, as FastAPI looks at a query before it calls a handler: who asks comes first
    may_read, may_track = (caller(base.authenticator, scope) for scope in ("email.history", "tracking.read"))

    async def send_email(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request))
            async with lingering(request):
                body = await door.json_body(request, JSON_BYTES)
            given = object_of(body)
            admitted = await _admit(call, given)
        return _accepted(admitted)

    async def send_form(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request))
            faults = Faults()
            async with lingering(request), door.form(request, call.principal, MOST_FILES, faults) as form:
                admitted = await _admit(call, form_fields(form.fields), form.files, faults)
        return _accepted(admitted)

    async def send_batch(request: Request) -> Response:
        with door.counted():
            call = door.call(request, await door.sender(request))
            items = items_of(object_of(await door.json_body(request)))
        tasks = [asyncio.create_task(_admit_one(call, item, place)) for place, item in enumerate(items)]
        results = await asyncio.gather(*tasks)
        return json_response(200, success(results, {"total": len(results)}))

    async def _admit(
        call: Call, given: Mapping[str, Any], files: Sequence[File] = (), more: Faults | None = None
    ) -> Admitted:
        asked, faults = request_of(core_fields(given, call.principal))
        if more is not None:
            faults.take(more)

        def render(accepted: Sequence[Accepted]) -> bytes:
            first = accepted[0]
            data = {
                "id": first.message_id,
                "status": STATUSES[first.status],
                "to": first.recipient,
                "subject": asked.subject,
                "scheduled_at": asked.scheduled_at,
            }
            return orjson.dumps(success(data))

        async with answered_within(seconds):
            return await admission.admit(call, asked, faults, render, files)

    async def _admit_one(call: Call, item: Mapping[str, Any], place: int) -> dict[str, Any]:
        """One e-mail of a batch, which fails alone."""
        try:
            with door.counted():
                admitted = await _admit(call.under(f"{call.key}#{place}" if call.key else None), item)
        except (ProblemError, PyMongoError) as error:
            problem = error if isinstance(error, ProblemError) else unavailable("It is not known; please try again.")
            return {"to": item.get("to"), "status": "failed", "error": error_of(problem)}
        data = orjson.loads(admitted.reply)["data"]
        return {name: data[name] for name in ("id", "to", "status")}

    async def list_emails(listing: Annotated[SendyListing, Query()], principal: Principal = may_read) -> Response:
        found, total = await reader.page(principal.workspace_id, listing.conditions(), listing.skip, listing.limit)
        pages = -(-total // listing.limit)
        meta = {"total": total, "page": listing.page, "limit": listing.limit, "pages": pages}
        return json_response(200, success([email_view(document, None) for document in found], meta))

    async def get_email(id: str, request: Request) -> Response:
        principal = await door.caller(request, "email.history")
        document = await reader.document(principal.workspace_id, id.lower(), detail=False)
        content = await actions.content_while_kept(principal, id.lower())
        return json_response(200, success(email_view(document, content)))

    async def delete_email(id: str, request: Request) -> Response:
        principal: Principal = await door.caller(request, "email.send")
        status, view = await actions.cancel(principal.workspace_id, id.lower())
        return json_response(status, success({"id": view["uuid"], "status": STATUSES[view["status"]]}))

    async def get_tracking(id: str, request: Request) -> Response:
        principal = await door.caller(request, "tracking.read")
        document = await reader.document(principal.workspace_id, id.lower(), detail=True)
        return json_response(200, success(tracking_events(document)))

    async def get_statistics(period: Annotated[Period, Query()], principal: Principal = may_track) -> Response:
        counts = await statistics.counts(principal.workspace_id, period.conditions())
        return json_response(200, success(statistics_view(counts)))

    for method, path, act, described in (
        ("POST", "/emails/send", send_email, schemas.send()),
        ("POST", "/emails/send/multipart", send_form, schemas.send_form()),
        ("POST", "/emails/batch", send_batch, schemas.batch()),
        ("GET", "/emails", list_emails, schemas.listing()),
        ("GET", "/emails/{id}", get_email, schemas.email()),
        ("DELETE", "/emails/{id}", delete_email, schemas.deletion()),
        ("GET", "/tracking/{id}", get_tracking, schemas.tracking()),
        ("GET", "/stats", get_statistics, schemas.statistics()),
    ):
        router.add_api_route(PREFIX + path, act, methods=[method], **described)
    return router


def _accepted(admitted: Admitted) -> Response:
    return Response(admitted.reply, headers=replay_headers(admitted), media_type="application/json")
