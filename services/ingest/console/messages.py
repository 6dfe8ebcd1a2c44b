"""The list of messages: search, live, page by page, and as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from services.ingest.api.listing import Listing
from services.ingest.api.messages import SCOPE, MessageReader
from services.ingest.console.export import DOWNLOAD, csv_of
from services.ingest.console.facets import BOUNCE_CLASSES, STATUSES, STREAMS
from shared.api import faults_of
from shared.console.console import Console
from shared.console.gate import Visitor
from shared.errors import Fault, ProblemError, invalid_request

PATH = "/console/messages"
FILTERS = ("q", "recipient", "sender", "subject", "tag", "stream", "status", "bounce_class", "from", "to")
CHOICES: dict[str, Any] = {"statuses": STATUSES, "streams": STREAMS, "bounce_classes": BOUNCE_CLASSES}


def messages_pages(console: Console, reader: MessageReader) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(SCOPE)

    @router.get(PATH)
    async def show(request: Request, visitor: Visitor = allowed) -> Response:
        given = filters_of(request.query_params)
        found, faults = await found_by(reader, visitor, request.query_params)
        return pages.show(
            request,
            visitor,
            "messages.html",
            422 if faults else 200,
            given=dict.fromkeys(FILTERS, "") | given,
            faults=dict.fromkeys(FILTERS) | {fault.pointer.removeprefix("#/"): fault.detail for fault in faults},
            query=urlencode(given),
            **shown(found, given, request.query_params.get("cursor")),
            **CHOICES,
        )

    @router.get(f"{PATH}/live")
    async def follow(request: Request, visitor: Visitor = allowed) -> Response:
        given = filters_of(request.query_params)

        async def render() -> str:
            found, _ = await found_by(reader, visitor, given)
            return pages.part("message_rows.html", **shown(found, given, None))

        return await console.live(request, render, is_alike=True)

    @router.get("/console/messages.csv")
    async def export(request: Request, visitor: Visitor = allowed) -> Response:
        """All messages of the search, newest first, in bounded memory."""
        listing, faults = listing_of(filters_of(request.query_params))
        if listing is None:
            raise invalid_request(faults)
        every = reader.every(visitor.workspace_id, listing)
        return StreamingResponse(csv_of(every), headers=DOWNLOAD, media_type="text/csv; charset=utf-8")

    return router


NOTHING: Mapping[str, Any] = {"data": [], "has_more": False, "next_cursor": None}


async def found_by(
    reader: MessageReader, visitor: Visitor, query: Mapping[str, str]
) -> tuple[Mapping[str, Any], list[Fault]]:
    """A page of the messages that a query asks for, or what is wrong with the query."""
    listing, faults = listing_of(query)
    if listing is None:
        return NOTHING, faults
    try:
        return await reader.list(visitor.workspace_id, listing), []
    except ProblemError as problem:
        if not problem.errors:
            raise
        return NOTHING, problem.errors


def filters_of(query: Mapping[str, str]) -> dict[str, str]:
    """The filters that were given, in their order; without cursors."""
    return {name: value for name in FILTERS if (value := query.get(name, "").strip())}


def listing_of(query: Mapping[str, str]) -> tuple[Listing | None, list[Fault]]:
    """The list that a query asks for, or what is wrong with the query."""
    given = filters_of(query)
    moments = {name: as_moment(given[name]) for name in ("from", "to") if name in given}
    try:
        return Listing.model_validate({**given, **moments, "cursor": query.get("cursor") or None, "limit": 50}), []
    except ValidationError as error:
        return None, faults_of(error.errors())


def as_moment(text: str) -> str:
    """What a browser's field of date and time gives (HTML Living Standard section 2.3.5.5) in UTC; or the text."""
    return text if text.endswith("Z") or "+" in text else f"{text}{':00' if text.count(':') == 1 else ''}Z"


def shown(found: Mapping[str, Any], given: Mapping[str, str], cursor: str | None) -> dict[str, Any]:
    """A page of messages as its template takes it."""
    more = found["next_cursor"]
    return {
        "messages": found["data"],
        "searched": bool(given),
        "next_url": f"{PATH}?{urlencode({**given, 'cursor': more})}" if more else None,
        "newest_url": f"{PATH}?{urlencode(given)}" if cursor else None,
    }
