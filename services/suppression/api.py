"""`/v1/suppressions` of a workspace, and `/v1/platform/suppressions` of the operator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.suppression.documents import entry_of
from services.suppression.rules import NEVER, REASON_OF_TYPE, Entry, EntryType, Place, Reason, lifetime_of
from services.suppression.schemas import BODY_OF_NEW, Listing, NewSuppression, added, one, page, removed
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.addresses import InvalidAddressError, parse_address
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller, operator
from shared.contracts.record import rfc3339
from shared.errors import Fault, invalid_request, not_found
from shared.openapi.operations import KEY, OPERATOR
from shared.paging import filters_refused, paged, read_filters
from shared.service import Base
from shared.telemetry import metrics


class SuppressionApi:
    """What the routes do, in one place: a workspace's or the platform's."""

    def __init__(self, store: Suppressions, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    async def list(self, place: Place, listing: Listing) -> Response:
        types, search = types_of(listing), listing.search and searched(listing.search)
        page = (listing.skip, listing.per_page)
        found, total = await self._store.page(place, datetime.now(UTC), types, search, *page)
        return json_response(200, paged([self._render(entry) for entry in found], total, listing))

    async def get(self, place: Place, name: str) -> Response:
        return json_response(200, {"data": self._render(await self._find(place, name))})

    async def add(self, place: Place, wanted: NewSuppression) -> Response:
        address = _address(wanted.email)
        reason = REASON_OF_TYPE[wanted.type]
        lifetime = lifetime_of(reason, self._settings)
        document, created = await self._store.add(place, address, reason, wanted.reason, lifetime)
        await self._publish(document, "added")
        return json_response(201 if created else 200, {"data": self._render(entry_of(document))})

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

    def _render(self, entry: Entry) -> dict[str, Any]:
        return {
            "uuid": entry.id,
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


def types_of(listing: Listing) -> list[EntryType]:
    """The types that a listing asks for; raises a 422 problem."""
    wanted = read_filters(listing.filters, ("type",)).get("type", list(EntryType))
    if not all(one in list(EntryType) for one in wanted):
        raise filters_refused("invalid_choice", f"The filter `type` must be of {', '.join(EntryType)}.")
    return [EntryType(one) for one in wanted]


def searched(text: str) -> str:
    """What is searched for, a domain as its A-labels as addresses are kept."""
    local_part, at, domain = text.strip().rpartition("@")
    try:
        plain = parse_address(f"{local_part or 'a'}@{domain}", smtputf8=True)
    except InvalidAddressError:
        return text.strip()
    return plain if local_part else f"{at}{plain.rpartition('@')[2]}"


def _address(text: str) -> str:
    try:
        return parse_address(text, smtputf8=True)
    except InvalidAddressError as error:
        fault = Fault("#/email", "invalid_address", f"This {error}.")
        raise invalid_request([fault]) from error


def workspace_router(base: Base, api: SuppressionApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/suppressions", ["suppressions"])
    allowed = caller(base.authenticator, "suppressions")

    @router.get("", operation_id="list_suppressions", responses=page(*KEY))
    async def list_suppressions(listing: Annotated[Listing, Query()], principal: Principal = allowed) -> Response:
        """List suppressions, newest first. The filter is `type`."""
        return await api.list(Place(principal.workspace_id), listing)

    @router.post("", status_code=201, operation_id="add_suppression", responses=added(*KEY), openapi_extra=BODY_OF_NEW)
    async def add_suppression(request: Request, principal: Principal = allowed) -> Response:
        """Suppress an address. What suppresses it already stays, unless the new type ranks higher."""
        return await api.add(Place(principal.workspace_id), await read_json(request, NewSuppression))

    @router.get("/{entry:path}", operation_id="get_suppression", responses=one(*KEY))
    async def get_suppression(entry: str, principal: Principal = allowed) -> Response:
        """A suppression by id or address."""
        return await api.get(Place(principal.workspace_id), entry)

    @router.delete("/{entry:path}", status_code=204, operation_id="remove_suppression", responses=removed(*KEY))
    async def remove_suppression(entry: str, principal: Principal = allowed) -> Response:
        """Remove a suppression. For a complaint the key needs the scope `admin`."""
        return await api.remove(Place(principal.workspace_id), entry, principal)

    return router


def platform_router(base: Base, api: SuppressionApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/platform/suppressions", ["platform"])
    allowed = [operator(base.authenticator)]
    platform = Place()

    @router.get("", dependencies=allowed, operation_id="list_platform_suppressions", responses=page(*OPERATOR))
    async def list_platform_suppressions(listing: Annotated[Listing, Query()]) -> Response:
        """List what is suppressed for every workspace, newest first. The filter is `type`."""
        return await api.list(platform, listing)

    @router.post(
        "", status_code=201, dependencies=allowed, operation_id="add_platform_suppression", responses=added(*OPERATOR),
        openapi_extra=BODY_OF_NEW,
    )  # fmt: skip
    async def add_platform_suppression(request: Request) -> Response:
        """Suppress an address for every workspace."""
        return await api.add(platform, await read_json(request, NewSuppression))

    @router.get(
        "/{entry:path}", dependencies=allowed, operation_id="get_platform_suppression", responses=one(*OPERATOR)
    )
    async def get_platform_suppression(entry: str) -> Response:
        """A suppression of every workspace, by id or address."""
        return await api.get(platform, entry)

    @router.delete(
        "/{entry:path}", status_code=204, dependencies=allowed, operation_id="remove_platform_suppression",
        responses=removed(*OPERATOR),
    )  # fmt: skip
    async def remove_platform_suppression(entry: str) -> Response:
        """Remove a suppression of every workspace."""
        return await api.remove(platform, entry, None)

    return router
