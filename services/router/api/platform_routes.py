"""`/v1/platform/routes`: the rules that come before every workspace's own, for the operator."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.router.api.bodies import RuleBody, RuleSetBody
from services.router.api.rule_sets import RuleSetApi, author_of, made_rule
from services.router.api.schemas import (
    CHANGED_RULE,
    PLATFORM_RULES,
    RULE,
    PlatformRuleSetView,
    RuleView,
    replies_with_rule,
)
from shared.api import json_response, read_json, service_router
from shared.auth import operator
from shared.openapi.operations import BODY, OPERATOR, body_of, replies
from shared.service import Base

OPERATOR_ITSELF = author_of(None)


def platform_routes_router(base: Base, api: RuleSetApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/platform/routes", ["platform"])
    allowed = [operator(base.authenticator)]

    @router.get(
        "", dependencies=allowed, operation_id="get_platform_routes",
        responses=replies(200, PlatformRuleSetView, "The rules", *OPERATOR),
    )  # fmt: skip
    async def get_platform_routes() -> Response:
        """The platform's rules in their order, its failover order and its quarantine."""
        return json_response(200, await api.get(None))

    @router.put(
        "", dependencies=allowed, operation_id="put_platform_routes",
        openapi_extra=body_of(RuleSetBody, PLATFORM_RULES),
        responses=replies(200, PlatformRuleSetView, "The rules as they are now", *OPERATOR, 409, *BODY),
    )  # fmt: skip
    async def put_platform_routes(request: Request) -> Response:
        """Replace the platform's rules. With a `version`, only where it is the present one."""
        return json_response(200, await api.put(None, await read_json(request, RuleSetBody), OPERATOR_ITSELF))

    @router.post(
        "/rules", status_code=201, dependencies=allowed, operation_id="create_platform_rule",
        openapi_extra=body_of(RuleBody, RULE), responses=replies_with_rule(*OPERATOR, 409),
    )  # fmt: skip
    async def create_platform_rule(request: Request) -> Response:
        """Add a rule of the platform's. It comes last of them unless it names a position."""
        return made_rule(None, await api.add_rule(None, await read_json(request, RuleBody), OPERATOR_ITSELF))

    @router.get(
        "/rules/{rule}", dependencies=allowed, operation_id="get_platform_rule",
        responses=replies(200, RuleView, "It", *OPERATOR, 404),
    )  # fmt: skip
    async def get_platform_rule(rule: str) -> Response:
        """One rule of the platform's, with its position and the version of the set."""
        return json_response(200, await api.get_rule(None, rule))

    @router.put(
        "/rules/{rule}", dependencies=allowed, operation_id="put_platform_rule",
        openapi_extra=body_of(RuleBody, CHANGED_RULE),
        responses=replies(200, RuleView, "It as it is now", *OPERATOR, 404, 409, *BODY),
    )  # fmt: skip
    async def put_platform_rule(rule: str, request: Request) -> Response:
        """Replace a rule of the platform's. It stays where it stands unless it names a position."""
        body = await read_json(request, RuleBody)
        return json_response(200, await api.put_rule(None, rule, body, OPERATOR_ITSELF))

    @router.delete(
        "/rules/{rule}", status_code=204, dependencies=allowed, operation_id="delete_platform_rule",
        responses=replies(204, None, "Deleted", *OPERATOR, 404, 409),
    )  # fmt: skip
    async def delete_platform_rule(rule: str) -> Response:
        """Delete a rule of the platform's."""
        await api.delete_rule(None, rule, OPERATOR_ITSELF)
        return Response(status_code=204)

    return router
