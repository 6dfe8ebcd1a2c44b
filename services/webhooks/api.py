"""`/v1/webhooks`: endpoints and their attempts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from services.webhooks.bodies import EndpointBody, EndpointChanges, checked_body
from services.webhooks.endpoints import Endpoints
from services.webhooks.event_types import WebhookType
from services.webhooks.outcomes import JobState
from services.webhooks.schemas import CHANGES, NEW_ENDPOINT, AttemptPage, EndpointPage, EndpointView, NewEndpointView
from services.webhooks.settings import Settings
from services.webhooks.signing import shown_secret
from services.webhooks.store import Attempts
from services.webhooks.urls import UrlRules
from shared.api import json_response, service_router
from shared.auth import Principal, caller
from shared.contracts.record import rfc3339
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.mongo.entities import Entity, VersionConflictError
from shared.openapi.operations import KEY, Cursor, Limit, body_of, replies
from shared.service import Base
from shared.tokens import Cursors, InvalidCursorError

BODY = (413, 422)


def create_router(base: Base, settings: Settings, endpoints: Endpoints, attempts: Attempts) -> APIRouter:
    """The routes, for keys with the scope `webhooks`; another workspace's endpoint is not found."""
    router = service_router(base.tracing, "/v1/webhooks", ["webhooks"])
    private = settings.allow_private_targets
    urls = UrlRules(plain_http=private or settings.profile == "local", private=private)
    pages = Pages(settings.token_key_bytes)
    owner: Principal = caller(base.authenticator, "webhooks")
    _add_endpoints(router, endpoints, urls, pages, owner)
    _add_attempts(router, endpoints, attempts, pages, owner)
    return router


class Pages:
    """Pages by id: a cursor holds the last id of the page before, bound to its query."""

    def __init__(self, key: bytes) -> None:
        self._cursors = Cursors(key)

    def after(self, cursor: str | None, query: str) -> str | None:
        """Raises a 422 problem for a cursor of another query."""
        if cursor is None:
            return None
        try:
            return str(self._cursors.read(cursor, query)[0])
        except InvalidCursorError as error:
            raise invalid_request([Fault("#/cursor", "cursor_invalid", "Is not a cursor of this list.")]) from error

    def reply(self, found: list[dict[str, Any]], limit: int, query: str) -> Response:
        """The page of what was found, one more than `limit` where there is another page."""
        data = found[:limit]
        more = len(found) > limit
        cursor = self._cursors.make([data[-1]["id"]], query) if more else None
        return json_response(200, {"data": data, "has_more": more, "next_cursor": cursor})


def _add_endpoints(router: APIRouter, endpoints: Endpoints, urls: UrlRules, pages: Pages, owner: Any) -> None:
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
        return json_response(200, _endpoint(_found(await endpoints.get(principal.workspace_id, id))))

    @router.patch(
        "/{id}", operation_id="change_webhook_endpoint", openapi_extra=body_of(EndpointChanges, CHANGES),
        responses=replies(200, EndpointView, "The endpoint as it is now", *KEY, 404, 409, *BODY),
    )  # fmt: skip
    async def change(id: str, request: Request, principal: Principal = owner) -> Response:
        """Change the fields that are given. Disabling ends what waits for the endpoint."""
        _found(await endpoints.get(principal.workspace_id, id))
        body = await checked_body(request, EndpointChanges, urls)
        try:
            changed = await endpoints.change(principal.workspace_id, id, body.changes())
        except VersionConflictError as error:
            raise ProblemError(409, "conflict", "The endpoint keeps changing; please try again.") from error
        return json_response(200, _endpoint(_found(changed)))

    @router.delete(
        "/{id}", status_code=204, operation_id="delete_webhook_endpoint",
        responses=replies(204, None, "Deleted", *KEY, 404, 409),
    )  # fmt: skip
    async def delete(id: str, principal: Principal = owner) -> Response:
        """Delete an endpoint; what waits for it is canceled."""
        if not await endpoints.delete(principal.workspace_id, id):
            raise not_found("webhook endpoint")
        return Response(status_code=204)


def _add_attempts(router: APIRouter, endpoints: Endpoints, attempts: Attempts, pages: Pages, owner: Any) -> None:
    @router.get(
        "/{id}/deliveries", operation_id="list_webhook_attempts",
        responses=replies(200, AttemptPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def show_attempts(
        id: str,
        filters: Annotated[Filters, Depends()],
        limit: Limit = 50,
        cursor: Cursor = None,
        principal: Principal = owner,
    ) -> Response:
        """List an endpoint's attempts, newest first. `state` is what the attempt made of its delivery."""
        _found(await endpoints.get(principal.workspace_id, id))
        query = f"{principal.workspace_id}:deliveries:{id}:{filters.condition}"
        before = pages.after(cursor, query)
        found = await attempts.find(principal.workspace_id, id, filters.condition, before, limit + 1)
        return pages.reply([_attempt(document) for document in found], limit, query)


class Filters:
    """What attempts are looked for."""

    def __init__(self, state: JobState | None = None, event: WebhookType | None = None) -> None:
        self.condition: dict[str, Any] = {}
        if state is not None:
            self.condition["state"] = str(state)
        if event is not None:
            self.condition["event_type"] = event


def _found(entity: Entity | None) -> Entity:
    if entity is None:
        raise not_found("webhook endpoint")
    return entity


def _endpoint(entity: Entity) -> dict[str, Any]:
    shown = ("url", "events", "description", "enabled", "disabled_reason", "created_at")
    return {"id": entity.id, **{name: entity.data.get(name) for name in shown}}


def _attempt(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": document["_id"],
        "message_id": document["message_id"],
        "event_id": document["event_id"],
        "event_type": document["event_type"],
        "attempt": document["attempt"],
        "state": document["state"],
        "status": document["status"],
        "error": document["error"],
        "ms": document["ms"],
        "excerpt": document["excerpt"],
        "occurred_at": rfc3339(document["occurred_at"]),
        "next_at": document["next_at"] and rfc3339(document["next_at"]),
    }
