"""`/v1/smtp-credentials`: what opens the SMTP door for a workspace."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import Changes, actor_of, end
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
    credentials = SmtpCredentials(changes, settings.pepper_bytes)
    owned = Owned(base.entities, Kind.SMTP_CREDENTIAL)
    last_uses = LastUses(base.database)
    pages = Pages(settings.token_key_bytes)
    allowed = caller(base.authenticator, SCOPE)

    async def found(principal: Principal, id_: str) -> Entity:
        entity = await owned.get(principal.workspace_id, id_)
        if entity is None:
            raise not_found("SMTP credential")
        return entity

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
        require_within(principal, as_key(SmtpCredential(name=body.name, user="", digest="")))
        actor = actor_of(base.authenticator, request, principal)
        entity, password = await credentials.create(actor, principal.workspace_id, body.name)
        return json_response(201, {**credential_view(entity, None), "password": password})

    @router.get(
        "",
        operation_id="list_smtp_credentials",
        summary="The credentials, oldest first",
        responses=replies(200, CredentialPage, "A page of credentials", *GATES, 422),
    )
    async def show_all(limit: Limit = 25, cursor: Cursor = None, principal: Principal = allowed) -> Response:
        query = f"smtp_credentials:{principal.workspace_id}"
        entities = await owned.page(principal.workspace_id, pages.place(cursor, query), limit + 1)
        uses = await last_uses.of([entity.id for entity in entities])
        return pages.reply([credential_view(entity, uses.get(entity.id)) for entity in entities], limit, query)

    @router.get(
        "/{id}",
        operation_id="get_smtp_credential",
        summary="One credential",
        responses=replies(200, CredentialView, "The credential, without its password", *GATES, 404),
    )
    async def show(id: str, principal: Principal = allowed) -> Response:
        entity = await found(principal, id)
        uses = await last_uses.of([id])
        return json_response(200, credential_view(entity, uses.get(id)))

    @router.delete(
        "/{id}",
        status_code=204,
        operation_id="revoke_smtp_credential",
        summary="Revoke a credential at once",
        responses=replies(204, None, "It opens nothing any more", *GATES, 404, 409),
    )
    async def revoke(id: str, request: Request, principal: Principal = allowed) -> Response:
        actor = actor_of(base.authenticator, request, principal)
        try:
            await end(lambda: found(principal, id), lambda entity: credentials.revoke(actor, entity))
        except VersionConflictError as error:
            raise conflict("credential") from error
        return Response(status_code=204)

    return router
