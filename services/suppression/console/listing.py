"""The list of suppressions: whether mail goes to an address, search, page by page, and as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from services.suppression.api.callers import Caller
from services.suppression.api.entries import SuppressionApi
from services.suppression.api.filters import wanted_of
from services.suppression.api.importing import ImportApi
from services.suppression.api.schemas import Listed
from services.suppression.console.answer import Answer, answered
from services.suppression.console.filters import (
    ENDS_OPTIONS,
    FILTERS,
    ORIGIN_OPTIONS,
    REASON_OPTIONS,
    SCOPE_OPTIONS,
    STREAM_OPTIONS,
    domain_options,
    filters_of,
    listed_of,
)
from services.suppression.console.paths import PATH, SCOPE
from services.suppression.rules import Entry
from services.suppression.store import Listing
from services.suppression.store.listing import Position, Wanted
from shared.addresses import InvalidAddressError, parse_address
from shared.console.console import Console
from shared.console.forms import as_body
from shared.console.gate import Visitor
from shared.errors import Fault, ProblemError, invalid_request
from shared.tokens import Cursors, InvalidCursorError

PER_PAGE = 50
CHOICES: Mapping[str, Any] = {
    "reasons": REASON_OPTIONS,
    "scopes": SCOPE_OPTIONS,
    "streams": STREAM_OPTIONS,
    "origins": ORIGIN_OPTIONS,
    "ends": ENDS_OPTIONS,
}


@dataclass(frozen=True, slots=True)
class Page:
    """Entries as the API shows them, and the cursor of the page behind."""

    entries: Sequence[Mapping[str, Any]] = ()
    next_cursor: str | None = None


class ListPage:
    """Reads what the list shows, for one workspace at a time."""

    def __init__(self, api: SuppressionApi, cursors: Cursors) -> None:
        self._api = api
        self._listing = Listing(api.store)
        self._cursors = cursors

    async def page(self, wanted: Wanted, query: str, cursor: str | None) -> Page:
        """Newest first. Raises a 422 problem for a cursor of another list."""
        found = await self._listing.after(wanted, datetime.now(UTC), self._position(cursor, query), PER_PAGE + 1)
        shown = found[:PER_PAGE]
        more = self._cursors.make(place_of(shown[-1]), query) if len(found) > PER_PAGE else None
        return Page([self._api.render(entry) for entry in shown], more)

    async def answer(self, visitor: Visitor, search: str) -> Answer | None:
        """Whether mail goes to a whole address; None for what is none."""
        try:
            address = parse_address(search, smtputf8=True)
        except InvalidAddressError:
            return None
        digest, now = self._api.store.naming.digest(address), datetime.now(UTC)
        found = await self._api.store.standing({digest}, {visitor.workspace_id}, now)
        spares = visitor.principal.workspace.complaints_spare_critical
        return answered(found.get(digest, ()), now, spares_complaints=spares)

    def _position(self, cursor: str | None, query: str) -> Position | None:
        if cursor is None:
            return None
        try:
            first_seen, id_ = self._cursors.read(cursor, query)
        except InvalidCursorError as error:
            fault = Fault("#/cursor", "invalid_cursor", "This page is of another list: begin at its newest entries.")
            raise invalid_request([fault]) from error
        return datetime.fromisoformat(first_seen), id_


def place_of(entry: Entry) -> list[str]:
    return [entry.first_seen.isoformat(), entry.id]


def list_pages(console: Console, api: SuppressionApi, cursors: Cursors) -> APIRouter:
    router = console.router()
    pages, reader, files = console.pages, ListPage(api, cursors), ImportApi(api)
    allowed = console.gate.page(SCOPE)

    @router.get(PATH)
    async def show(request: Request, visitor: Visitor = allowed) -> Response:
        if "add" in request.query_params:
            return pages.go(f"{PATH}/add?{urlencode({'email': request.query_params['add']})}")
        given = filters_of(request.query_params)
        wanted, problem = asked_for(visitor.workspace_id, given)
        cursor = request.query_params.get("cursor") or None
        query = f"console:{visitor.workspace_id}:{urlencode(given)}"
        page = await reader.page(wanted, query, cursor) if wanted else Page()
        return pages.show(
            request,
            visitor,
            "suppressions.html",
            given=dict.fromkeys(FILTERS, "") | given,
            problem=problem,
            query=urlencode(given),
            searched=bool(given),
            entries=page.entries,
            answer=await reader.answer(visitor, given["search"]) if "search" in given else None,
            next_url=f"{PATH}?{urlencode({**given, 'cursor': page.next_cursor})}" if page.next_cursor else None,
            newest_url=f"{PATH}?{urlencode(given)}" if cursor else None,
            domains=domain_options(await api.domains.of(visitor.workspace_id)),
            **CHOICES,
        )

    @router.get(f"{PATH}.csv")
    async def export(request: Request, visitor: Visitor = allowed) -> Response:
        """What the list shows, all of it, as the API's export."""
        return await files.give(Caller(visitor.principal), as_body(Listed, listed_of(filters_of(request.query_params))))

    return router


def asked_for(workspace_id: str, given: Mapping[str, str]) -> tuple[Wanted | None, ProblemError | None]:
    """Which entries the filters ask for, or what is wrong with them."""
    try:
        return wanted_of(workspace_id, as_body(Listed, listed_of(given))), None
    except ProblemError as problem:
        return None, problem
