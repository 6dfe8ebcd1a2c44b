"""The endpoints of a workspace."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from services.webhooks.api.pages import Pages
from services.webhooks.bodies import EndpointBody, EndpointChanges, checked_body
from services.webhooks.endpoints import Endpoints
from services.webhooks.schemas import CHANGES, NEW_ENDPOINT, EndpointPage, EndpointView, NewEndpointView
from services.webhooks.signing import shown_secret
from services.webhooks.urls import UrlRules
from shared.api import json_response
from shared.auth import Principal
from shared.errors import ProblemError, not_found
from shared.mongo.entities import Entity, VersionConflictError
from shared.openapi.operations import KEY, Cursor, Limit, body_of, replies

BODY = (413, 422)


def add_endpoints(router: APIRouter, endpoints: Endpoints, urls: UrlRules, pages: Pages, owner: Any) -> None:
    @router.post(
        "", status_code=201, operation_id="create_webhook_endpoint", openapi_extra=body_of(EndpointBody, NEW_ENDPOINT),
        responses=replies(201, NewEndpointView, "The endpoint, its secret shown this once", *KEY, *BODY),
    )  # fmt: skip
    async def create(request: Request, principal: Principal = owner) -> Response:
        """Add an endpoint. The reply holds its secret, this once."""
        body = await checked_body(request, EndpointBody, urls)
        entity, secret = await endpoints.create(principal.workspace_id, body.model_dump())
        return json_response(201, {**_endpoint(entity), "secret": shown_secret(secret)})

    @router.get(
        "", operation_id="list_webhook_endpoints", responses=replies(200, EndpointPage, "A page", *KEY, 422)
    )  # fmt: skip
    async def show_all(limit: Limit = 50, cursor: Cursor = None, principal: Principal = owner) -> Response:
        """List the workspace's endpoints, oldest first."""
        query = f"{principal.workspace_id}:endpoints"
        found = await endpoints.page(principal.workspace_id, pages.after(cursor, query), limit + 1)
        return pages.reply([_endpoint(entity) for entity in found], limit, query)

    @router.get(
        "/{id}", operation_id="get_webhook_endpoint", responses=replies(200, EndpointView, "The endpoint", *KEY, 404)
    )  # fmt: skip
    async def show(id: str, principal: Principal = owner) -> Response:
        """One endpoint, without its secret."""
        return json_response(200, _endpoint(found_endpoint(await endpoints.get(principal.workspace_id, id))))

    @router.patch(
        "/{id}", operation_id="change_webhook_endpoint", openapi_extra=body_of(EndpointChanges, CHANGES),
        responses=replies(200, EndpointView, "The endpoint as it is now", *KEY, 404, 409, *BODY),
    )  # fmt: skip
    async def change(id: str, request: Request, principal: Principal = owner) -> Response:
        """Change the fields that are given. Disabling ends what waits for the endpoint."""
        found_endpoint(await endpoints.get(principal.workspace_id, id))
        body = await checked_body(request, EndpointChanges, urls)
        try:
            changed = await endpoints.change(principal.workspace_id, id, body.changes())
        except VersionConflictError as error:
            raise ProblemError(409, "conflict", "The endpoint keeps changing; please try again.") from error
        return json_response(200, _endpoint(found_endpoint(changed)))

    @router.delete(
        "/{id}", status_code=204, operation_id="delete_webhook_endpoint",
        responses=replies(204, None, "Deleted", *KEY, 404, 409),
    )  # fmt: skip
    async def delete(id: str, principal: Principal = owner) -> Response:
        """Delete an endpoint; what waits for it is canceled."""
        if not await endpoints.delete(principal.workspace_id, id):
            raise not_found("webhook endpoint")
        return Response(status_code=204)


def found_endpoint(entity: Entity | None) -> Entity:
    if entity is None:
        raise not_found("webhook endpoint")
    return entity


def _endpoint(entity: Entity) -> dict[str, Any]:
    shown = ("url", "events", "description", "enabled", "disabled_reason", "created_at")
    return {"id": entity.id, **{name: entity.data.get(name) for name in shown}}
