"""The endpoints of a workspace."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response

from services.webhooks.api.pages import Pages
from services.webhooks.bodies import (
    EndpointBody,
    EndpointChanges,
    RotationBody,
    checked_body,
    limited_body,
    parsed_body,
)
from services.webhooks.endpoints import Endpoints
from services.webhooks.names import Names
from services.webhooks.schemas import CHANGES, NEW_ENDPOINT, ROTATION, EndpointPage, EndpointView, NewEndpointView
from services.webhooks.settings import Settings
from services.webhooks.shown import Shown
from services.webhooks.urls import InvalidUrlError, UrlRules
from services.webhooks.versions import InvalidEndpointError
from shared.api import json_response
from shared.auth import Principal
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.mongo.entities import Entity, VersionConflictError
from shared.openapi.operations import KEY, Cursor, Limit, body_of, replies

BODY = (413, 422)
T = TypeVar("T")


@dataclass(frozen=True)
class EndpointRoutes:
    """What the routes are made of."""

    settings: Settings
    endpoints: Endpoints
    urls: UrlRules
    names: Names
    shown: Shown
    pages: Pages


def add_endpoints(router: APIRouter, parts: EndpointRoutes, owner: Any) -> None:
    endpoints, urls, shown, pages = parts.endpoints, parts.urls, parts.shown, parts.pages

    @router.post(
        "", status_code=201, operation_id="create_webhook_endpoint", openapi_extra=body_of(EndpointBody, NEW_ENDPOINT),
        responses=replies(201, NewEndpointView, "The endpoint, its secret shown this once", *KEY, *BODY),
    )  # fmt: skip
    async def create(request: Request, principal: Principal = owner) -> Response:
        """Add an endpoint. The reply holds its secret, this once."""
        body = await checked_body(request, EndpointBody, urls)
        warnings = await _warnings(parts.names, body.url)
        entity, secret = await _valid(endpoints.create(principal.workspace_id, body.model_dump()))
        return json_response(201, shown.with_secret(entity, secret, warnings))

    @router.get(
        "", operation_id="list_webhook_endpoints", responses=replies(200, EndpointPage, "A page", *KEY, 422)
    )  # fmt: skip
    async def show_all(limit: Limit = 50, cursor: Cursor = None, principal: Principal = owner) -> Response:
        """List the workspace's endpoints, oldest first."""
        query = f"{principal.workspace_id}:endpoints"
        found = await endpoints.page(principal.workspace_id, pages.after(cursor, query), limit + 1)
        return pages.reply([shown.endpoint(entity) for entity in found], limit, query)

    @router.get(
        "/{id}", operation_id="get_webhook_endpoint", responses=replies(200, EndpointView, "The endpoint", *KEY, 404)
    )  # fmt: skip
    async def show(id: str, principal: Principal = owner) -> Response:
        """One endpoint, without its secret."""
        return json_response(200, shown.endpoint(found_endpoint(await endpoints.get(principal.workspace_id, id))))

    @router.patch(
        "/{id}", operation_id="change_webhook_endpoint", openapi_extra=body_of(EndpointChanges, CHANGES),
        responses=replies(200, EndpointView, "The endpoint as it is now", *KEY, 404, 409, *BODY),
    )  # fmt: skip
    async def change(id: str, request: Request, principal: Principal = owner) -> Response:
        """Change the fields that are given. Disabling ends what waits for the endpoint."""
        found_endpoint(await endpoints.get(principal.workspace_id, id))
        body = await checked_body(request, EndpointChanges, urls)
        warnings = await _warnings(parts.names, body.url) if body.url else []
        changed = await _valid(endpoints.change(principal.workspace_id, id, body.changes()))
        return json_response(200, shown.endpoint(found_endpoint(changed), warnings))

    @router.delete(
        "/{id}", status_code=204, operation_id="delete_webhook_endpoint",
        responses=replies(204, None, "Deleted", *KEY, 404, 409),
    )  # fmt: skip
    async def delete(id: str, principal: Principal = owner) -> Response:
        """Delete an endpoint; what waits for it is canceled."""
        if not await endpoints.delete(principal.workspace_id, id):
            raise not_found("webhook endpoint")
        return Response(status_code=204)


def add_rotation(router: APIRouter, parts: EndpointRoutes, owner: Any) -> None:
    @router.post(
        "/{id}/rotate", operation_id="rotate_webhook_secret", openapi_extra=body_of(RotationBody, ROTATION),
        responses=replies(200, NewEndpointView, "The endpoint, its new secret shown this once", *KEY, 404, 409, *BODY),
    )  # fmt: skip
    async def rotate(id: str, request: Request, principal: Principal = owner) -> Response:
        """Give an endpoint another secret, which signs first from now on. The old one signs too for 24 hours, unless
        `overlap_hours` says otherwise; in the styles leadpush and sendy it ends at once."""
        found_endpoint(await parts.endpoints.get(principal.workspace_id, id))
        body = parsed_body(await limited_body(request) or b"{}", RotationBody, parts.urls)
        hours = parts.settings.webhook_rotation_hours if body.overlap_hours is None else body.overlap_hours
        rotated = await _valid(parts.endpoints.rotate(principal.workspace_id, id, body.secret, timedelta(hours=hours)))
        if rotated is None:
            raise not_found("webhook endpoint")
        return json_response(200, parts.shown.with_secret(*rotated))


def found_endpoint(entity: Entity | None) -> Entity:
    if entity is None:
        raise not_found("webhook endpoint")
    return entity


async def _warnings(names: Names, url: str) -> list[str]:
    try:
        return await names.warnings(url)
    except InvalidUrlError as error:
        raise invalid_request([Fault("#/url", error.code, f"The URL {error}.")]) from error


async def _valid(done: Awaitable[T]) -> T:
    """What is done; as a problem what it makes no endpoint of, or no version of one that keeps changing."""
    try:
        return await done
    except InvalidEndpointError as error:
        raise invalid_request(error.faults) from error
    except VersionConflictError as error:
        raise ProblemError(409, "conflict", "The endpoint keeps changing; please try again.") from error
