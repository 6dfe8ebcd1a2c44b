"""`/v1/api-keys`: the keys of a workspace."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import Changes, actor_of, end
from services.ingest.accounts.grants import require_within
from services.ingest.accounts.keys import ApiKeys
from services.ingest.api.account_bodies import KeyBody, KeyChanges, Rotation
from services.ingest.api.account_views import KeyPage, KeyView, NewKeyView, key_view
from services.ingest.api.operations import CHANGE, GATES, conflict, has_body
from services.ingest.api.schemas import WORKSPACE
from services.ingest.settings import Settings
from services.ingest.store.owned import Owned
from services.ingest.store.uses import LastUses
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller, operator_or_caller
from shared.contracts.entities import ApiKey, Kind
from shared.errors import not_found
from shared.id_pages import Pages
from shared.mongo.entities import Entity, VersionConflictError
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

    @router.post(
        "/v1/api-keys",
        status_code=201,
        operation_id="create_api_key",
        summary="Make a key",
        responses=replies(201, NewKeyView, created, *GATES, *BODY),
        openapi_extra=body_of(KeyBody, NEW_KEY),
    )
    async def create(request: Request, principal: Principal = allowed) -> Response:
        return await api.create(request, principal, principal.workspace_id)

    @router.post(
        "/v1/workspaces/{workspace}/api-keys",
        status_code=201,
        operation_id="create_workspace_api_key",
        summary="Make a key; the operator makes a workspace's first one",
        responses=replies(201, NewKeyView, created, *GATES, 404, *BODY),
        openapi_extra={"parameters": [WORKSPACE], **body_of(KeyBody, NEW_KEY)},
    )
    async def create_in_workspace(workspace: str, request: Request, principal: Principal | None = first) -> Response:
        return await api.create(request, principal, workspace)

    @router.get(
        "/v1/api-keys",
        operation_id="list_api_keys",
        summary="The keys, oldest first",
        responses=replies(200, KeyPage, "A page of keys", *GATES, 422),
    )
    async def show_all(limit: Limit = 25, cursor: Cursor = None, principal: Principal = allowed) -> Response:
        return await api.list(principal, limit, cursor)

    @router.get(
        "/v1/api-keys/{id}",
        operation_id="get_api_key",
        summary="One key",
        responses=replies(200, KeyView, "The key, without its text", *GATES, 404),
    )
    async def show(id: str, principal: Principal = allowed) -> Response:
        return await api.get(principal, id)

    @router.patch(
        "/v1/api-keys/{id}",
        operation_id="change_api_key",
        summary="Change a key",
        responses=replies(200, KeyView, "The key as it is now", *GATES, 404, *CHANGE),
        openapi_extra=body_of(KeyChanges, {"allowed_ips": ["192.0.2.0/24"], "expires_at": None}),
    )
    async def change(id: str, request: Request, principal: Principal = allowed) -> Response:
        return await api.change(request, principal, id)

    @router.delete(
        "/v1/api-keys/{id}",
        status_code=204,
        operation_id="revoke_api_key",
        summary="Revoke a key at once",
        responses=replies(204, None, "It opens nothing any more", *GATES, 404, 409),
    )
    async def revoke(id: str, request: Request, principal: Principal = allowed) -> Response:
        return await api.revoke(request, principal, id)

    @router.post(
        "/v1/api-keys/{id}/rotation",
        operation_id="rotate_api_key",
        summary="Give a key a new text; the one before works until the grace ends",
        responses=replies(200, NewKeyView, "The key, its new text shown this once", *GATES, 404, *CHANGE),
        openapi_extra=body_of(Rotation, {"grace_seconds": 3600}, required=False),
    )
    async def rotate(id: str, request: Request, principal: Principal = allowed) -> Response:
        return await api.rotate(request, principal, id)

    return router


class KeyApi:
    """The routes' work; each call names the workspace."""

    def __init__(self, base: Base, changes: Changes, settings: Settings) -> None:
        self._authenticator = base.authenticator
        self._keys = ApiKeys(changes, settings.pepper_bytes)
        self._owned = Owned(base.entities, Kind.API_KEY)
        self._workspaces = Owned(base.entities, Kind.WORKSPACE)
        self._uses = LastUses(base.database)
        self._pages = Pages(settings.token_key_bytes)

    async def create(self, request: Request, principal: Principal | None, workspace_id: str) -> Response:
        if principal is None and await self._workspaces.get(workspace_id, workspace_id) is None:
            raise not_found("workspace")
        body = await read_json(request, KeyBody)
        fields = body.model_dump()
        require_within(principal, ApiKey(**fields, digest="", prefix=""))
        actor = actor_of(self._authenticator, request, principal)
        entity, text = await self._keys.create(actor, workspace_id, fields)
        return json_response(201, {**key_view(entity, None), "key": text})

    async def list(self, principal: Principal, limit: int, cursor: str | None) -> Response:
        query = f"api_keys:{principal.workspace_id}"
        found = await self._owned.page(principal.workspace_id, self._pages.place(cursor, query), limit + 1)
        uses = await self._uses.of([entity.id for entity in found])
        return self._pages.reply([key_view(entity, uses.get(entity.id)) for entity in found], limit, query)

    async def get(self, principal: Principal, id_: str) -> Response:
        return await self._shown(await self._found(principal, id_))

    async def change(self, request: Request, principal: Principal, id_: str) -> Response:
        entity = await self._found(principal, id_)
        body = await read_json(request, KeyChanges)
        key = ApiKey.model_validate(entity.data)
        changed = key.with_changes(**body.given())
        if changed != key:
            require_within(principal, changed)
            try:
                entity = await self._keys.change(actor_of(self._authenticator, request, principal), entity, changed)
            except VersionConflictError as error:
                raise conflict("key") from error
        return await self._shown(entity)

    async def revoke(self, request: Request, principal: Principal, id_: str) -> Response:
        actor = actor_of(self._authenticator, request, principal)
        try:
            await end(lambda: self._found(principal, id_), lambda entity: self._keys.revoke(actor, entity))
        except VersionConflictError as error:
            raise conflict("key") from error
        return Response(status_code=204)

    async def rotate(self, request: Request, principal: Principal, id_: str) -> Response:
        entity = await self._found(principal, id_)
        body = await read_json(request, Rotation) if has_body(request) else Rotation()
        require_within(principal, ApiKey.model_validate(entity.data))
        actor = actor_of(self._authenticator, request, principal)
        try:
            rotated, text = await self._keys.rotate(actor, entity, body.grace_seconds)
        except VersionConflictError as error:
            raise conflict("key") from error
        uses = await self._uses.of([id_])
        return json_response(200, {**key_view(rotated, uses.get(id_)), "key": text})

    async def _found(self, principal: Principal, id_: str) -> Entity:
        entity = await self._owned.get(principal.workspace_id, id_)
        if entity is None:
            raise not_found("API key")
        return entity

    async def _shown(self, entity: Entity) -> Response:
        uses = await self._uses.of([entity.id])
        return json_response(200, key_view(entity, uses.get(entity.id)))
