"""`/v1/suppressions` of a workspace, and `/v1/platform/suppressions` of the operator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.suppression.documents import entry_of
from services.suppression.rules import NEVER, REASON_OF_TYPE, Entry, EntryType, Place, Reason, lifetime_of
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.addresses import InvalidAddressError, parse_address
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller, operator
from shared.contracts.record import rfc3339
from shared.errors import Fault, invalid_request, not_found
from shared.service import Base
from shared.telemetry import metrics
from shared.tokens import Cursors, InvalidCursorError

log = structlog.get_logger(__name__)


class NewSuppression(BaseModel):
    """A suppression made by hand; `reason` says why in the caller's words."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=1000)
    type: EntryType = EntryType.MANUAL
    reason: str | None = Field(None, min_length=1, max_length=500)


class Listing(BaseModel):
    """How a list is asked for; `search` is a whole address."""

    model_config = ConfigDict(extra="forbid")

    type: EntryType | None = None
    search: str | None = None
    limit: int = Field(25, ge=1, le=100)
    cursor: str | None = None


BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": NewSuppression.model_json_schema()}}}
}


class SuppressionApi:
    """What the routes do, in one place: a workspace's or the platform's."""

    def __init__(self, store: Suppressions, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._cursors = Cursors(settings.token_key_bytes)

    async def list(self, place: Place, listing: Listing) -> Response:
        query = f"suppressions:{place.scope}:{listing.type}:{listing.search}"
        after = self._position(listing.cursor, query) if listing.cursor else None
        address = None if listing.search is None else _address(listing.search, "search")
        found = await self._store.page(place, datetime.now(UTC), listing.limit + 1, listing.type, address, after)
        page, has_more = found[: listing.limit], len(found) > listing.limit
        next_cursor = None
        if has_more:
            next_cursor = self._cursors.make([round(page[-1].first_seen.timestamp() * 1000), page[-1].id], query)
        body = {"data": [self._render(entry) for entry in page], "has_more": has_more, "next_cursor": next_cursor}
        return json_response(200, body)

    async def get(self, place: Place, name: str) -> Response:
        return json_response(200, self._render(await self._find(place, name)))

    async def add(self, place: Place, wanted: NewSuppression) -> Response:
        address = _address(wanted.email, "email")
        reason = REASON_OF_TYPE[wanted.type]
        lifetime = lifetime_of(reason, self._settings)
        document, created = await self._store.add(place, address, reason, wanted.reason, lifetime)
        await self._publish(document, "added")
        return json_response(201 if created else 200, self._render(entry_of(document)))

    async def remove(self, place: Place, name: str, principal: Principal | None) -> Response:
        """Only an admin may send again to who complained; the operator is one."""
        entry = await self._find(place, name)
        if principal is not None and entry.reason is Reason.COMPLAINT:
            principal.require_scope("admin")
        complaints = principal is None or "admin" in principal.key.scopes
        removed = await self._store.remove(entry, complaints=complaints)
        if removed is None:
            raise not_found("suppression")
        await self._publish(removed, "removed")
        return Response(status_code=204)

    async def _find(self, place: Place, name: str) -> Entry:
        try:
            known_as = parse_address(name, smtputf8=True) if "@" in name else name
        except InvalidAddressError as error:
            raise not_found("suppression") from error
        entry = await self._store.find(place, known_as, datetime.now(UTC))
        if entry is None:
            raise not_found("suppression")
        return entry

    async def _publish(self, document: Mapping[str, Any], change: str) -> None:
        """Tells the sender at once; what Kafka does not take now is published by the sweep."""
        if "unpublished" not in document:
            return
        reason = document["standing"]["reason"] if change == "added" else document["removed_reason"]
        metrics.SUPPRESSIONS.labels(change, reason).inc()
        await self._store.outbox.offer([document])

    def _position(self, cursor: str, query: str) -> tuple[datetime, str]:
        try:
            milliseconds, public_id = self._cursors.read(cursor, query)
        except InvalidCursorError as error:
            fault = Fault("#/cursor", "invalid_cursor", "This cursor was not made for this list.")
            raise invalid_request([fault]) from error
        return datetime.fromtimestamp(milliseconds / 1000, UTC), public_id

    def _render(self, entry: Entry) -> dict[str, Any]:
        return {
            "id": entry.id,
            "email": self._store.open_address(entry),
            "type": entry.type,
            "reason": entry.note or entry.reason,
            "scope": "platform" if entry.place.workspace_id is None else "workspace",
            "origin": entry.origin,
            "evidence": dict(entry.evidence),
            "created_at": rfc3339(entry.first_seen),
            "last_seen": rfc3339(entry.last_seen),
            "expires_at": None if entry.until == NEVER else rfc3339(entry.until),
        }


def _address(text: str, field: str) -> str:
    try:
        return parse_address(text, smtputf8=True)
    except InvalidAddressError as error:
        fault = Fault(f"#/{field}", "invalid_address", f"This {error}.")
        raise invalid_request([fault]) from error


def workspace_router(base: Base, api: SuppressionApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/suppressions", ["suppressions"])
    allowed = caller(base.authenticator, "suppressions")

    @router.get("")
    async def list_suppressions(listing: Annotated[Listing, Query()], principal: Principal = allowed) -> Response:
        return await api.list(Place(principal.workspace_id), listing)

    @router.post("", status_code=201, openapi_extra=BODY)
    async def add_suppression(request: Request, principal: Principal = allowed) -> Response:
        return await api.add(Place(principal.workspace_id), await read_json(request, NewSuppression))

    @router.get("/{entry:path}")
    async def get_suppression(entry: str, principal: Principal = allowed) -> Response:
        return await api.get(Place(principal.workspace_id), entry)

    @router.delete("/{entry:path}", status_code=204)
    async def remove_suppression(entry: str, principal: Principal = allowed) -> Response:
        return await api.remove(Place(principal.workspace_id), entry, principal)

    return router


def platform_router(base: Base, api: SuppressionApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/platform/suppressions", ["platform"])
    allowed = [operator(base.authenticator)]
    platform = Place()

    @router.get("", dependencies=allowed)
    async def list_platform_suppressions(listing: Annotated[Listing, Query()]) -> Response:
        return await api.list(platform, listing)

    @router.post("", status_code=201, dependencies=allowed, openapi_extra=BODY)
    async def add_platform_suppression(request: Request) -> Response:
        return await api.add(platform, await read_json(request, NewSuppression))

    @router.get("/{entry:path}", dependencies=allowed)
    async def get_platform_suppression(entry: str) -> Response:
        return await api.get(platform, entry)

    @router.delete("/{entry:path}", status_code=204, dependencies=allowed)
    async def remove_platform_suppression(entry: str) -> Response:
        return await api.remove(platform, entry, None)

    return router
