"""`/v1/routes`: a workspace's rules and the failover order of its transports."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.router.api.bodies import DefaultRoute, RuleBody, RuleSetBody
from services.router.api.rule_sets import RuleSetApi, author_of, made_rule
from services.router.api.schemas import (
    CHANGED_RULE,
    ORDER,
    RULE,
    RULES,
    RouteView,
    RuleSetView,
    RuleView,
    replies_with_rule,
)
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller
from shared.openapi.operations import BODY, KEY, body_of, replies
from shared.service import Base


def routes_router(base: Base, api: RuleSetApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/routes", ["routes"])
    allowed = caller(base.authenticator, "routing")

    @router.get("", operation_id="get_routes", responses=replies(200, RuleSetView, "The rules", *KEY))
    async def get_routes(principal: Principal = allowed) -> Response:
        """The workspace's rules in their order, and its transports in failover order."""
        return json_response(200, await api.get(principal.workspace_id))

    @router.put(
        "", operation_id="put_routes", openapi_extra=body_of(RuleSetBody, RULES),
        responses=replies(200, RuleSetView, "The rules as they are now", *KEY, 409, *BODY),
    )  # fmt: skip
    async def put_routes(request: Request, principal: Principal = allowed) -> Response:
        """Replace the workspace's rules. With a `version`, only where it is the present one."""
        body = await read_json(request, RuleSetBody)
        return json_response(200, await api.put(principal.workspace_id, body, author_of(principal)))

    @router.get(
        "/default", operation_id="get_default_route", responses=replies(200, RouteView, "The order", *KEY)
    )  # fmt: skip
    async def get_default_route(principal: Principal = allowed) -> Response:
        """The transports that the workspace's mail takes where no rule says otherwise, in failover order."""
        return json_response(200, await api.order(principal.workspace_id))

    @router.put(
        "/default", operation_id="put_default_route", openapi_extra=body_of(DefaultRoute, ORDER),
        responses=replies(200, RouteView, "The order as it is now", *KEY, 409, *BODY),
    )  # fmt: skip
    async def put_default_route(request: Request, principal: Principal = allowed) -> Response:
        """Set the transports that the workspace's mail takes where no rule says otherwise."""
        body = await read_json(request, DefaultRoute)
        return json_response(200, await api.put_order(principal.workspace_id, body, author_of(principal)))

    _add_rules(router, api, allowed)
    return router


def _add_rules(router: APIRouter, api: RuleSetApi, allowed: Principal) -> None:
    @router.post(
        "/rules", status_code=201, operation_id="create_rule", openapi_extra=body_of(RuleBody, RULE),
        responses=replies_with_rule(*KEY, 409),
    )  # fmt: skip
    async def create_rule(request: Request, principal: Principal = allowed) -> Response:
        """Add a rule. It comes last unless it names a position."""
        owner, body = principal.workspace_id, await read_json(request, RuleBody)
        return made_rule(owner, await api.add_rule(owner, body, author_of(principal)))

    @router.get("/rules/{rule}", operation_id="get_rule", responses=replies(200, RuleView, "It", *KEY, 404))
    async def get_rule(rule: str, principal: Principal = allowed) -> Response:
        """One rule, with its position and the version of the set."""
        return json_response(200, await api.get_rule(principal.workspace_id, rule))

    @router.put(
        "/rules/{rule}", operation_id="put_rule", openapi_extra=body_of(RuleBody, CHANGED_RULE),
        responses=replies(200, RuleView, "It as it is now", *KEY, 404, 409, *BODY),
    )  # fmt: skip
    async def put_rule(rule: str, request: Request, principal: Principal = allowed) -> Response:
        """Replace a rule. It stays where it stands unless it names a position."""
        body = await read_json(request, RuleBody)
        return json_response(200, await api.put_rule(principal.workspace_id, rule, body, author_of(principal)))

    @router.delete(
        "/rules/{rule}", status_code=204, operation_id="delete_rule",
        responses=replies(204, None, "Deleted", *KEY, 404, 409),
    )  # fmt: skip
    async def delete_rule(rule: str, principal: Principal = allowed) -> Response:
        """Delete a rule."""
        await api.delete_rule(principal.workspace_id, rule, author_of(principal))
        return Response(status_code=204)
