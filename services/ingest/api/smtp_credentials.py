"""`/v1/smtp-credentials`: what opens the SMTP door for a workspace."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import Actor, Changes, actor_of, end
from services.ingest.accounts.credentials import SmtpCredentials, as_key
from services.ingest.accounts.grants import require_within
from services.ingest.api.account_bodies import CredentialBody
from services.ingest.api.account_views import CredentialPage, CredentialView, NewCredentialView, credential_view
from services.ingest.api.operations import GATES, conflict
from services.ingest.settings import Settings
from services.ingest.store.owned import Owned
from services.ingest.store.uses import LastUses
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller
from shared.contracts.entities import Kind, SmtpCredential
from shared.errors import not_found
from shared.id_pages import Pages
from shared.mongo.entities import Entity, VersionConflictError
from shared.openapi.operations import BODY, Cursor, Limit, body_of, replies
from shared.service import Base

SCOPE = "keys"


def credentials_router(base: Base, changes: Changes, settings: Settings) -> APIRouter:
    router = service_router(base.tracing, "/v1/smtp-credentials", ["keys"])
    api = CredentialApi(base, changes, settings)
    allowed = caller(base.authenticator, SCOPE)

    @router.post(
        "",
        status_code=201,
        operation_id="create_smtp_credential",
        summary="Make a user name and a password for SMTP",
        responses=replies(201, NewCredentialView, "The credential, its password shown this once", *GATES, *BODY),
        openapi_extra=body_of(CredentialBody, {"name": "office printer"}),
    )
    async def create(request: Request, principal: Principal = allowed) -> Response:
        body = await read_json(request, CredentialBody)
        actor = actor_of(base.authenticator, request, principal)
        return json_response(201, await api.create(actor, principal, body))

    @router.get(
        "",
        operation_id="list_smtp_credentials",
        summary="The credentials, oldest first",
        responses=replies(200, CredentialPage, "A page of credentials", *GATES, 422),
    )
    async def show_all(limit: Limit = 25, cursor: Cursor = None, principal: Principal = allowed) -> Response:
        return json_response(200, await api.list(principal, limit, cursor))

    @router.get(
        "/{id}",
        operation_id="get_smtp_credential",
        summary="One credential",
        responses=replies(200, CredentialView, "The credential, without its password", *GATES, 404),
    )
    async def show(id: str, principal: Principal = allowed) -> Response:
        return json_response(200, await api.get(principal, id))

    @router.delete(
        "/{id}",
        status_code=204,
        operation_id="revoke_smtp_credential",
        summary="Revoke a credential at once",
        responses=replies(204, None, "It opens nothing any more", *GATES, 404, 409),
    )
    async def revoke(id: str, request: Request, principal: Principal = allowed) -> Response:
        await api.revoke(actor_of(base.authenticator, request, principal), principal, id)
        return Response(status_code=204)

    return router


class CredentialApi:
    """What can be done with credentials, whichever door asks for it; each call raises problems: 403 for what a key has
    not itself to hand on, 404, and 409 where the credential was changed at the same time."""

    def __init__(self, base: Base, changes: Changes, settings: Settings) -> None:
        self._credentials = SmtpCredentials(changes, settings.pepper_bytes)
        self._owned = Owned(base.entities, Kind.SMTP_CREDENTIAL)
        self._uses = LastUses(base.database)
        self._pages = Pages(settings.token_key_bytes)

    async def create(self, actor: Actor, principal: Principal, body: CredentialBody) -> dict[str, Any]:
        """The new credential with its `password`."""
        require_within(principal, as_key(SmtpCredential(name=body.name, user="", digest="")))
        entity, password = await self._credentials.create(actor, principal.workspace_id, body.name)
        return {**credential_view(entity, None), "password": password}

    async def list(self, principal: Principal, limit: int, cursor: str | None) -> dict[str, Any]:
        """A page, oldest first."""
        query = f"smtp_credentials:{principal.workspace_id}"
        found = await self._owned.page(principal.workspace_id, self._pages.place(cursor, query), limit + 1)
        uses = await self._uses.of([entity.id for entity in found])
        return self._pages.page([credential_view(entity, uses.get(entity.id)) for entity in found], limit, query)

    async def get(self, principal: Principal, id_: str) -> dict[str, Any]:
        entity = await self._found(principal, id_)
        uses = await self._uses.of([id_])
        return credential_view(entity, uses.get(id_))

    async def revoke(self, actor: Actor, principal: Principal, id_: str) -> None:
        try:
            await end(lambda: self._found(principal, id_), lambda entity: self._credentials.revoke(actor, entity))
        except VersionConflictError as error:
            raise conflict("credential") from error

    async def _found(self, principal: Principal, id_: str) -> Entity:
        entity = await self._owned.get(principal.workspace_id, id_)
        if entity is None:
            raise not_found("SMTP credential")
        return entity
