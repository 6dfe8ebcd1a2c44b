"""`/v1/routes/default`: a workspace's transports in failover order."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.router.api.bodies import DefaultRoute
from services.router.api.schemas import ORDER, RouteView
from services.router.api.transports import visible
from services.router.store import Transports, order_of
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller
from shared.contracts.entities import RouteRule
from shared.errors import Fault, invalid_request
from shared.mongo.entities import Entity
from shared.openapi.operations import BODY, KEY, body_of, replies
from shared.service import Base


def routes_router(base: Base, transports: Transports) -> APIRouter:
    router = service_router(base.tracing, "/v1/routes", ["routes"])
    allowed = caller(base.authenticator, "routing")

    @router.get(
        "/default", operation_id="get_default_route", responses=replies(200, RouteView, "The order", *KEY)
    )  # fmt: skip
    async def get_default_route(principal: Principal = allowed) -> Response:
        """The transports that the workspace's mail takes, in failover order."""
        return json_response(200, _rendered(await transports.route(principal.workspace_id)))

    @router.put(
        "/default", operation_id="put_default_route", openapi_extra=body_of(DefaultRoute, ORDER),
        responses=replies(200, RouteView, "The order as it is now", *KEY, *BODY),
    )  # fmt: skip
    async def put_default_route(request: Request, principal: Principal = allowed) -> Response:
        """Set the transports that the workspace's mail takes."""
        wanted = (await read_json(request, DefaultRoute)).transports
        known = await transports.find(visible(principal.workspace_id), wanted)
        faults = [
            Fault(f"#/transports/{place}", "unknown_transport", "There is no such transport.")
            for place, id_ in enumerate(wanted)
            if id_ not in known
        ]
        faults += [
            Fault(f"#/transports/{place}", "repeated", "A transport stands in the order once.")
            for place, id_ in enumerate(wanted)
            if id_ in wanted[:place] and id_ in known
        ]
        if faults:
            raise invalid_request(faults)
        rule = RouteRule(transports=wanted).model_dump(mode="json")
        return json_response(200, _rendered(await transports.put_route(principal.workspace_id, rule)))

    return router


def _rendered(route: Entity | None) -> dict[str, object]:
    return {"id": "default", "transports": list(order_of(route)), "version": route.version if route else 0}
