"""How transports and sending domains do: for a workspace its own mail, for the operator all of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from services.router.api.health_schemas import (
    TRIP,
    BreakerChange,
    BreakerView,
    SenderHealthPage,
    TransportHealthView,
    TroubledSenders,
)
from services.router.api.health_views import (
    breaker_view,
    own_view,
    sender_view,
    thresholds_view,
    whole_view,
)
from services.router.api.transports import SHARED, Owner, visible
from services.router.health.breaker import Breaker, closed, tripped
from services.router.health.role import HealthRoom
from services.router.health.slots import HORIZON
from services.router.health.store.hours import WINDOW
from services.router.health.store.reputations import Standing
from services.router.store.transports import Transports
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller, operator
from shared.contracts.record import rfc3339
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.mongo.entities import Entity
from shared.openapi.operations import BODY, KEY, OPERATOR, Cursor, Limit, body_of, replies
from shared.service import Base
from shared.tokens import Cursors, InvalidCursorError

DAY = timedelta(days=1)
TRIES = 5
CHANGED = "The breaker keeps changing; try again"


class HealthApi:
    """What the routes do; an owner is a workspace's id, or None for the platform."""

    def __init__(self, transports: Transports, room: HealthRoom) -> None:
        self._transports = transports
        self._room = room
        self._cursors = Cursors(room.settings.token_key_bytes)

    async def transport(self, owner: Owner, id_: str) -> dict[str, Any]:
        """How a transport has worked lately, for its owner or one of many who use it; raises a 404 problem."""
        found, now = await self._visible(owner, id_), datetime.now(UTC)
        breakers = await self._room.breakers.of_transport(id_)
        if owner is not None and found.workspace_id is None:
            counts = await self._room.hours.of_transport(owner, id_, now - DAY)
            return own_view(id_, counts, breakers, DAY)
        spans = await self._room.slots.of_transport(id_, now - HORIZON)
        lengths = (self._room.settings.breaking.window, HORIZON)
        shared = found.workspace_id is None
        return whole_view(id_, spans, breakers, lengths, now, shared=shared)

    async def change(self, owner: Owner, id_: str, wanted: BreakerChange) -> dict[str, Any]:
        """Opens or closes a breaker over whatever it was, until a change of the traffic's own."""
        found = await self._visible(owner, id_)
        if found.workspace_id != owner:
            raise ProblemError(403, "shared_transport", "Only the operator changes a shared transport.")
        if wanted.state == "closed" and wanted.seconds is not None:
            raise invalid_request([Fault("#/seconds", "not_for_closed", "A closed breaker stays closed by itself.")])
        key = (id_, wanted.rollup)
        for _ in range(TRIES):
            now = datetime.now(UTC)
            breaker = (await self._room.breakers.of_transport(id_)).get(key, Breaker(key))
            if wanted.state == "closed":
                changed = closed(breaker, now, "operator", wanted.reason)
            else:
                until = now + timedelta(seconds=wanted.seconds) if wanted.seconds else None
                changed = tripped(breaker, now, until, wanted.reason)
            if written := await self._room.breakers.change([changed]):
                return breaker_view(written[0])
        raise ProblemError(409, "conflict", "The breaker keeps changing; please try again.")

    async def senders(self, workspace_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
        query, now = f"sender-health:{workspace_id}", datetime.now(UTC)
        after = self._after(cursor, query)
        found = await self._room.hours.of_workspace(workspace_id, now - WINDOW, after, limit + 1)
        page, has_more = found[:limit], len(found) > limit
        standings = await self._room.reputations.of_domains((workspace_id, domain) for domain, _ in page)
        data = [
            sender_view(domain, counts, standings.get((workspace_id, domain), Standing((workspace_id, domain))))
            for domain, counts in page
        ]
        return {
            "days": WINDOW.days,
            "thresholds": thresholds_view(self._room.settings.thresholds),
            "data": data,
            "has_more": has_more,
            "next_cursor": self._cursors.make([page[-1][0]], query) if has_more else None,
        }

    async def sender(self, workspace_id: str, domain: str) -> dict[str, Any]:
        """One sending domain; one that has not sent lately has no numbers."""
        key = (workspace_id, domain)
        sums = await self._room.hours.of_domains([key], datetime.now(UTC) - WINDOW)
        standings = await self._room.reputations.of_domains([key])
        view = sender_view(domain, sums.get(key, Counter()), standings.get(key, Standing(key)))
        return view | {"days": WINDOW.days, "thresholds": thresholds_view(self._room.settings.thresholds)}

    async def troubled(self) -> dict[str, Any]:
        """The sending domains of all workspaces that are not good."""
        found = await self._room.reputations.troubled()
        data = [
            {"workspace_id": workspace, "domain": domain, "reputation": each.state, "since": rfc3339(each.since)}
            for (workspace, domain), each in sorted(found.items())
            if each.since is not None
        ]
        return {"data": data}

    async def _visible(self, owner: Owner, id_: str) -> Entity:
        found = await self._transports.find(visible(owner), [id_])
        if id_ not in found:
            raise not_found("transport")
        return found[id_]

    def _after(self, cursor: str | None, query: str) -> str:
        if cursor is None:
            return ""
        try:
            return str(self._cursors.read(cursor, query)[0])
        except InvalidCursorError as error:
            fault = Fault("#/cursor", "invalid_cursor", "This cursor was not made for this list.")
            raise invalid_request([fault]) from error


def health_router(base: Base, api: HealthApi) -> APIRouter:
    """The routes for keys."""
    router = service_router(base.tracing, "/v1", ["health"])
    routing, domains = (caller(base.authenticator, scope) for scope in ("routing", "domains"))

    @router.get(
        "/transports/{id}/health", operation_id="get_transport_health",
        responses=replies(200, TransportHealthView, "Its health", *KEY, 404),
    )  # fmt: skip
    async def get_transport_health(id: str, principal: Principal = routing) -> Response:
        """How a transport has worked lately: the workspace's own with all numbers, a shared one by the workspace's own
        mail of the last day."""
        return json_response(200, await api.transport(principal.workspace_id, id))

    @router.post(
        "/transports/{id}/breaker", operation_id="change_transport_breaker",
        openapi_extra=body_of(BreakerChange, TRIP),
        responses=replies(200, BreakerView, "It as it is now", *KEY, 404, 409, *BODY, _403=SHARED, _409=CHANGED),
    )  # fmt: skip
    async def change_transport_breaker(id: str, request: Request, principal: Principal = routing) -> Response:
        """Open or close a breaker of one of the workspace's transports by hand."""
        wanted = await read_json(request, BreakerChange)
        return json_response(200, await api.change(principal.workspace_id, id, wanted))

    @router.get(
        "/sender-health", operation_id="list_sender_health",
        responses=replies(200, SenderHealthPage, "A page", *KEY, 422),
    )  # fmt: skip
    async def list_sender_health(limit: Limit = 25, cursor: Cursor = None, principal: Principal = domains) -> Response:
        """What became of the mail of each sending domain in seven days, and its reputation by complaints."""
        return json_response(200, await api.senders(principal.workspace_id, limit, cursor))

    return router


def platform_health_router(base: Base, api: HealthApi) -> APIRouter:
    """The routes for the operator."""
    router = service_router(base.tracing, "/v1/platform", ["platform"])
    allowed = [operator(base.authenticator)]

    @router.get(
        "/transports/{id}/health", dependencies=allowed, operation_id="get_shared_transport_health",
        responses=replies(200, TransportHealthView, "Its health", *OPERATOR, 404),
    )  # fmt: skip
    async def get_shared_transport_health(id: str) -> Response:
        """How a shared transport has worked lately, by all mail, altogether and towards its busiest destinations."""
        return json_response(200, await api.transport(None, id))

    @router.post(
        "/transports/{id}/breaker", dependencies=allowed, operation_id="change_shared_transport_breaker",
        openapi_extra=body_of(BreakerChange, TRIP),
        responses=replies(200, BreakerView, "It as it is now", *OPERATOR, 404, 409, *BODY, _409=CHANGED),
    )  # fmt: skip
    async def change_shared_transport_breaker(id: str, request: Request) -> Response:
        """Open or close a breaker of a shared transport by hand."""
        return json_response(200, await api.change(None, id, await read_json(request, BreakerChange)))

    @router.get(
        "/sender-health", dependencies=allowed, operation_id="list_troubled_senders",
        responses=replies(200, TroubledSenders, "They", *OPERATOR),
    )  # fmt: skip
    async def list_troubled_senders() -> Response:
        """The sending domains of all workspaces that recipients complain of too much."""
        return json_response(200, await api.troubled())

    return router
