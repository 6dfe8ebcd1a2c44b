"""`/v1/api-keys`: the keys of a workspace."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import Actor, Changes, actor_of
from services.ingest.api.account_bodies import KeyBody, KeyChanges, Rotation
from services.ingest.api.account_views import KeyPage, KeyView, NewKeyView
from services.ingest.api.key_api import KeyApi
from services.ingest.api.operations import CHANGE, GATES, has_body
from services.ingest.api.schemas import WORKSPACE
from services.ingest.settings import Settings
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller, operator_or_caller
from shared.openapi.operations import BODY, Cursor, Limit, body_of, replies
from shared.service import Base

SCOPE = "keys"
NEW_KEY = {
    "name": "billing service",
    "scopes": ["email.send", "email.history"],
    "expires_at": "2030-01-01T00:00:00Z",
    "allowed_ips": ["192.0.2.0/24", "2001:db8::/32"],
    "domains": ["example.com"],
}


def keys_router(base: Base, changes: Changes, settings: Settings) -> APIRouter:
    router = service_router(base.tracing, tags=["keys"])
    api = KeyApi(base, changes, settings)
    allowed = caller(base.authenticator, SCOPE)
    first = operator_or_caller(base.authenticator, SCOPE)
    created = "The key, its text shown this once"

    def actor(request: Request, principal: Principal | None) -> Actor:
        return actor_of(base.authenticator, request, principal)

    @router.post(
        "/v1/api-keys",
        status_code=201,
        operation_id="create_api_key",
        summary="Make a key",
        responses=replies(201, NewKeyView, created, *GATES, *BODY),
        openapi_extra=body_of(KeyBody, NEW_KEY),
    )
    async def create(request: Request, principal: Principal = allowed) -> Response:
        body = await read_json(request, KeyBody)
        return json_response(201, await api.create(actor(request, principal), principal, principal.workspace_id, body))

    @router.post(
        "/v1/workspaces/{workspace}/api-keys",
        status_code=201,
        operation_id="create_workspace_api_key",
        summary="Make a key; the operator makes a workspace's first one",
        responses=replies(201, NewKeyView, created, *GATES, 404, *BODY),
        openapi_extra={"parameters": [WORKSPACE], **body_of(KeyBody, NEW_KEY)},
    )
    async def create_in_workspace(workspace: str, request: Request, principal: Principal | None = first) -> Response:
        if principal is None:
            await api.require_workspace(workspace)
        body = await read_json(request, KeyBody)
        return json_response(201, await api.create(actor(request, principal), principal, workspace, body))

    @router.get(
        "/v1/api-keys",
        operation_id="list_api_keys",
        summary="The keys, oldest first",
        responses=replies(200, KeyPage, "A page of keys", *GATES, 422),
    )
    async def show_all(limit: Limit = 25, cursor: Cursor = None, principal: Principal = allowed) -> Response:
        return json_response(200, await api.list(principal, limit, cursor))

    @router.get(
        "/v1/api-keys/{id}",
        operation_id="get_api_key",
        summary="One key",
        responses=replies(200, KeyView, "The key, without its text", *GATES, 404),
    )
    async def show(id: str, principal: Principal = allowed) -> Response:
        return json_response(200, await api.get(principal, id))

    @router.patch(
        "/v1/api-keys/{id}",
        operation_id="change_api_key",
        summary="Change a key",
        responses=replies(200, KeyView, "The key as it is now", *GATES, 404, *CHANGE),
        openapi_extra=body_of(KeyChanges, {"allowed_ips": ["192.0.2.0/24"], "expires_at": None}),
    )
    async def change(id: str, request: Request, principal: Principal = allowed) -> Response:
        await api.found(principal, id)
        body = await read_json(request, KeyChanges)
        return json_response(200, await api.change(actor(request, principal), principal, id, body))

    @router.delete(
        "/v1/api-keys/{id}",
        status_code=204,
        operation_id="revoke_api_key",
        summary="Revoke a key at once",
        responses=replies(204, None, "It opens nothing any more", *GATES, 404, 409),
    )
    async def revoke(id: str, request: Request, principal: Principal = allowed) -> Response:
        await api.revoke(actor(request, principal), principal, id)
        return Response(status_code=204)

    @router.post(
        "/v1/api-keys/{id}/rotation",
        operation_id="rotate_api_key",
        summary="Give a key a new text; the one before works until the grace ends",
        responses=replies(200, NewKeyView, "The key, its new text shown this once", *GATES, 404, *CHANGE),
        openapi_extra=body_of(Rotation, {"grace_seconds": 3600}, required=False),
    )
    async def rotate(id: str, request: Request, principal: Principal = allowed) -> Response:
        await api.found(principal, id)
        body = await read_json(request, Rotation) if has_body(request) else Rotation()
        return json_response(200, await api.rotate(actor(request, principal), principal, id, body))

    return router
