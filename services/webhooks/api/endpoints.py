"""The endpoints of a workspace."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from services.webhooks.api.endpoint_actions import EndpointActions
from services.webhooks.bodies import (
    EndpointBody,
    EndpointChanges,
    RotationBody,
    checked_body,
    limited_body,
    parsed_body,
)
from services.webhooks.schemas import CHANGES, NEW_ENDPOINT, ROTATION, EndpointPage, EndpointView, NewEndpointView
from shared.api import json_response
from shared.auth import Principal
from shared.openapi.operations import KEY, Cursor, Limit, body_of, replies

BODY = (413, 422)


def add_endpoints(router: APIRouter, endpoints: EndpointActions, owner: Any) -> None:
    @router.post(
        "", status_code=201, operation_id="create_webhook_endpoint", openapi_extra=body_of(EndpointBody, NEW_ENDPOINT),
        responses=replies(201, NewEndpointView, "The endpoint, its secret shown this once", *KEY, *BODY),
    )  # fmt: skip
    async def create(request: Request, principal: Principal = owner) -> Response:
        """Add an endpoint. The reply holds its secret, this once."""
        body = await checked_body(request, EndpointBody, endpoints.urls)
        return json_response(201, await endpoints.create(principal.workspace_id, body))

    @router.get(
        "", operation_id="list_webhook_endpoints", responses=replies(200, EndpointPage, "A page", *KEY, 422)
    )  # fmt: skip
    async def show_all(limit: Limit = 50, cursor: Cursor = None, principal: Principal = owner) -> Response:
        """List the workspace's endpoints, oldest first."""
        return json_response(200, await endpoints.page(principal.workspace_id, limit, cursor))

    @router.get(
        "/{id}", operation_id="get_webhook_endpoint", responses=replies(200, EndpointView, "The endpoint", *KEY, 404)
    )  # fmt: skip
    async def show(id: str, principal: Principal = owner) -> Response:
        """One endpoint, without its secret."""
        return json_response(200, endpoints.shown.endpoint(await endpoints.found(principal.workspace_id, id)))

    @router.patch(
        "/{id}", operation_id="change_webhook_endpoint", openapi_extra=body_of(EndpointChanges, CHANGES),
        responses=replies(200, EndpointView, "The endpoint as it is now", *KEY, 404, 409, *BODY),
    )  # fmt: skip
    async def change(id: str, request: Request, principal: Principal = owner) -> Response:
        """Change the fields that are given. Disabling ends what waits for the endpoint."""
        await endpoints.found(principal.workspace_id, id)
        body = await checked_body(request, EndpointChanges, endpoints.urls)
        return json_response(200, await endpoints.change(principal.workspace_id, id, body))

    @router.delete(
        "/{id}", status_code=204, operation_id="delete_webhook_endpoint",
        responses=replies(204, None, "Deleted", *KEY, 404, 409),
    )  # fmt: skip
    async def delete(id: str, principal: Principal = owner) -> Response:
        """Delete an endpoint; what waits for it is canceled."""
        await endpoints.delete(principal.workspace_id, id)
        return Response(status_code=204)


def add_rotation(router: APIRouter, endpoints: EndpointActions, owner: Any) -> None:
    @router.post(
        "/{id}/rotate", operation_id="rotate_webhook_secret", openapi_extra=body_of(RotationBody, ROTATION),
        responses=replies(200, NewEndpointView, "The endpoint, its new secret shown this once", *KEY, 404, 409, *BODY),
    )  # fmt: skip
    async def rotate(id: str, request: Request, principal: Principal = owner) -> Response:
        """Give an endpoint another secret, which signs first from now on. The old one signs too for 24 hours, unless
        `overlap_hours` says otherwise; in the styles leadpush and sendy it ends at once."""
        await endpoints.found(principal.workspace_id, id)
        body = parsed_body(await limited_body(request) or b"{}", RotationBody, endpoints.urls)
        return json_response(200, await endpoints.rotate(principal.workspace_id, id, body))
