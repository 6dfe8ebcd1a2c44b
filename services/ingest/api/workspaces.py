"""`/v1/workspaces`: made and bounded by the operator; a workspace's own keys read it and change its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest.acceptance.senders import Senders
from services.ingest.accounts.administration import Administration
from services.ingest.accounts.changes import Actor, Changes, actor_of, end
from services.ingest.api.account_bodies import OWN_SETTINGS, WorkspaceBody, WorkspaceChanges
from services.ingest.api.account_views import WorkspacePage, WorkspaceView, workspace_view
from services.ingest.api.operations import CHANGE, GATES, conflict
from services.ingest.api.schemas import WORKSPACE
from services.ingest.settings import Settings
from services.ingest.store.owned import Owned
from shared.addresses import Mailbox
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, operator, operator_or_caller
from shared.contracts.entities import Kind
from shared.errors import Fault, invalid_request, not_found
from shared.id_pages import Pages
from shared.mongo.entities import Entity, VersionConflictError
from shared.openapi.operations import BODY, OPERATOR, Cursor, Limit, body_of, replies
from shared.service import Base

SCOPE = "admin"
QUERY = "workspaces"
ONE = "/v1/workspaces/{workspace}"
PARAMETERS = {"parameters": [WORKSPACE]}
NEW_WORKSPACE = {
    "name": "Acme",
    "owner_email": "owner@example.com",
    "features": ["smtp.enabled", "domains.enabled"],
    "daily_quota": 10000,
}


def workspaces_router(base: Base, changes: Changes, settings: Settings) -> APIRouter:
    router = service_router(base.tracing, tags=["workspaces"])
    api = WorkspaceApi(base, changes, settings)
    platform = [operator(base.authenticator)]
    allowed = operator_or_caller(base.authenticator, SCOPE)

    @router.post(
        "/v1/workspaces",
        status_code=201,
        dependencies=platform,
        operation_id="create_workspace",
        summary="Make a workspace (operator)",
        responses=replies(201, WorkspaceView, "The workspace", *OPERATOR, *BODY),
        openapi_extra=body_of(WorkspaceBody, NEW_WORKSPACE),
    )
    async def create(request: Request) -> Response:
        return await api.create(request)

    @router.get(
        "/v1/workspaces",
        dependencies=platform,
        operation_id="list_workspaces",
        summary="All workspaces, oldest first (operator)",
        responses=replies(200, WorkspacePage, "A page of workspaces", *OPERATOR, 422),
    )
    async def show_all(limit: Limit = 25, cursor: Cursor = None) -> Response:
        return await api.list(limit, cursor)

    @router.get(
        ONE,
        operation_id="get_workspace",
        summary="One workspace",
        responses=replies(200, WorkspaceView, "The workspace", *GATES, 404),
        openapi_extra=PARAMETERS,
    )
    async def show(workspace: str, principal: Principal | None = allowed) -> Response:
        return json_response(200, workspace_view(await api.found(workspace)))

    @router.patch(
        ONE,
        operation_id="change_workspace",
        summary="Change a workspace; a key may change the defaults of its own",
        responses=replies(200, WorkspaceView, "The workspace as it is now", *GATES, 404, *CHANGE),
        openapi_extra={**PARAMETERS, **body_of(WorkspaceChanges, {"default_stream": "billing"})},
    )
    async def change(workspace: str, request: Request, principal: Principal | None = allowed) -> Response:
        await api.found(workspace)
        fields = (await read_json(request, WorkspaceChanges)).given()
        actor = actor_of(base.authenticator, request, principal)
        return json_response(200, workspace_view(await api.change(actor, principal, workspace, fields)))

    @router.delete(
        ONE,
        status_code=204,
        dependencies=platform,
        operation_id="delete_workspace",
        summary="Delete a workspace, its keys with it (operator)",
        responses=replies(204, None, "It is there no more", *OPERATOR, 404, 409),
        openapi_extra=PARAMETERS,
    )
    async def delete(workspace: str, request: Request) -> Response:
        return await api.delete(request, workspace)

    @router.post(
        f"{ONE}/owner-verification",
        dependencies=platform,
        operation_id="verify_workspace_owner",
        summary="Take the owner's address as verified (operator)",
        responses=replies(200, WorkspaceView, "The workspace as it is now", *OPERATOR, 404, 409),
        openapi_extra=PARAMETERS,
    )
    async def verify_owner(workspace: str, request: Request) -> Response:
        return await api.verify_owner(request, workspace)

    return router


class WorkspaceApi:
    """The routes' work; a principal of None is the operator."""

    def __init__(self, base: Base, changes: Changes, settings: Settings) -> None:
        self._authenticator = base.authenticator
        self._administration = Administration(changes)
        self._owned = Owned(base.entities, Kind.WORKSPACE)
        self._senders = Senders(base.cache)
        self._pages = Pages(settings.token_key_bytes)

    async def found(self, id_: str) -> Entity:
        """Raises a 404 problem."""
        entity = await self._owned.get(id_, id_)
        if entity is None:
            raise not_found("workspace")
        return entity

    async def list(self, limit: int, cursor: str | None) -> Response:
        found = await self._owned.page(None, self._pages.place(cursor, QUERY), limit + 1)
        return self._pages.reply([workspace_view(entity) for entity in found], limit, QUERY)

    async def create(self, request: Request) -> Response:
        body = await read_json(request, WorkspaceBody)
        made = await self._administration.create(actor_of(self._authenticator, request, None), body.model_dump())
        return json_response(201, workspace_view(made))

    async def change(self, actor: Actor, principal: Principal | None, id_: str, fields: Mapping[str, Any]) -> Entity:
        """The workspace with the given fields set, which have been checked one by one (`WorkspaceChanges`); raises a
        404, 409 or 422 problem."""
        entity = await self.found(id_)
        if principal is not None:
            await self._require_own(principal, fields)
        try:
            return await self._administration.change(actor, entity, fields)
        except VersionConflictError as error:
            raise conflict("workspace") from error

    async def verify_owner(self, request: Request, id_: str) -> Response:
        entity = await self.found(id_)
        try:
            verified = await self._administration.verify_owner(actor_of(self._authenticator, request, None), entity)
        except VersionConflictError as error:
            raise conflict("workspace") from error
        return json_response(200, workspace_view(verified))

    async def delete(self, request: Request, id_: str) -> Response:
        actor = actor_of(self._authenticator, request, None)
        try:
            await end(lambda: self.found(id_), lambda entity: self._administration.delete(actor, entity))
        except VersionConflictError as error:
            raise conflict("workspace") from error
        return Response(status_code=204)

    async def _require_own(self, principal: Principal, fields: Mapping[str, Any]) -> None:
        """Raises a 422 problem for what is not a key's to change, or a default sender that it may not send from."""
        faults = [
            Fault(f"#/{name}", "operator_only", "Only the operator changes this.")
            for name in fields
            if name not in OWN_SETTINGS
        ]
        sender = fields.get("default_sender")
        if sender is not None and not await self._senders.resolve(principal.workspace_id, Mailbox(None, sender)):
            detail = "This is no verified sender, nor of a verified domain."
            faults.append(Fault("#/default_sender", "sender_not_verified", detail))
        if faults:
            raise invalid_request(faults)
