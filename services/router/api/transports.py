"""`/v1/transports`: a workspace's own transports, and the platform's that it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from services.router.api.bodies import SourceBody, TransportBody, TransportChanges, faults_of_transport
from services.router.api.schemas import CHANGES, LOCATION, SMART_HOST, TransportPage, TransportView
from services.router.routes.configuration import DIRECT
from services.router.settings import Settings
from services.router.store.rule_sets import RuleSets
from services.router.store.transports import Transports
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller
from shared.contracts.entities import Transport
from shared.contracts.messages import TlsMode
from shared.contracts.purposes import transport_purpose
from shared.errors import Fault, ProblemError, invalid_request, not_found
from shared.mongo.entities import Entity, VersionConflictError
from shared.openapi.operations import BODY, KEY, Cursor, Described, Limit, body_of, replies
from shared.service import Base
from shared.tokens import Cursors, InvalidCursorError, uuid7

TRIES = 5
MOST_NAMED = 1000
SHARED = "The key lacks the scope, or the transport is a shared one, which only the operator changes"
IN_USE = "A rule or a failover order names it, it is the platform's direct transport, or it keeps changing"
Owner = str | None
View = dict[str, Any]


class TransportApi:
    """What the routes do; an owner is a workspace's id, or None for the platform."""

    def __init__(self, transports: Transports, sets: RuleSets, settings: Settings) -> None:
        self._transports = transports
        self._sets = sets
        self._box = settings.secret_box
        self._cursors = Cursors(settings.token_key_bytes)
        self._allow_private = settings.allow_private_targets

    async def list(self, owner: Owner, limit: int, cursor: str | None) -> View:
        query = f"transports:{owner}"
        found = await self._transports.page(visible(owner), self._after(cursor, query), limit + 1)
        page, has_more = found[:limit], len(found) > limit
        next_cursor = self._cursors.make([page[-1].id], query) if has_more else None
        data = [rendered(entity, owner) for entity in page]
        return {"data": data, "has_more": has_more, "next_cursor": next_cursor}

    async def usable(self, owner: Owner) -> Sequence[View]:
        """All that the owner's rules may name, oldest first; the first `MOST_NAMED` of them."""
        found = await self._transports.page(visible(owner), None, MOST_NAMED)
        return [rendered(entity, owner) for entity in found]

    async def get(self, owner: Owner, id_: str) -> View:
        return rendered(await self._visible(owner, id_), owner)

    async def create(self, owner: Owner, wanted: TransportBody) -> View:
        id_ = uuid7()
        await self._check(owner, id_, wanted)
        return rendered(await self._transports.put(id_, owner, self._data(id_, wanted, None)), owner)

    async def change(self, owner: Owner, id_: str, changes: TransportChanges) -> View:
        """Applies the changes to the newest version, which is checked as a whole."""
        named = changes.model_dump(exclude_unset=True)
        for _ in range(TRIES):
            entity = await self._own(owner, id_)
            kept = {name: value for name, value in entity.data.items() if name in TransportBody.model_fields}
            sources = [SourceBody.model_validate(each) for each in {**kept, **named}.get("sources", [])]
            wanted = TransportBody.model_construct(**{**kept, "tls": TlsMode(kept["tls"]), **named, "sources": sources})
            await self._check(owner, id_, wanted)
            sealed = None if "password" in named else entity.data["password"]
            try:
                data = self._data(id_, wanted, sealed)
                return rendered(await self._transports.put(id_, owner, data, expected=entity.version), owner)
            except VersionConflictError:
                continue
        raise ProblemError(409, "conflict", "The transport keeps changing; please try again.")

    async def delete(self, owner: Owner, id_: str) -> None:
        for _ in range(TRIES):
            entity = await self._own(owner, id_)
            if id_ == DIRECT:
                raise ProblemError(409, "transport_built_in", "The platform's direct transport is always there.")
            if await self._sets.name(id_, owner):
                raise ProblemError(409, "transport_in_use", "A rule or a failover order names this transport.")
            data = {**entity.data, "enabled": False, "username": None, "password": None}
            try:
                await self._transports.put(id_, owner, data, expected=entity.version, deleted=True)
            except VersionConflictError:
                continue
            return
        raise ProblemError(409, "conflict", "The transport keeps changing; please try again.")

    async def _check(self, owner: Owner, id_: str, wanted: TransportBody) -> None:
        faults = faults_of_transport(wanted, allow_private=self._allow_private, shared=owner is None)
        if not faults and wanted.sources:
            taken = await self._transports.sources_elsewhere(id_, [each.address for each in wanted.sources])
            faults = [
                Fault(f"#/sources/{place}/address", "in_use", "Another transport has this address.")
                for place, source in enumerate(wanted.sources)
                if source.address in taken
            ]
        if faults:
            raise invalid_request(faults)

    def _data(self, id_: str, wanted: TransportBody, sealed: str | None) -> dict[str, Any]:
        """The entity's data; the password as it is sealed already, else sealed now."""
        fields = wanted.model_dump(mode="json")
        if sealed is None and wanted.password is not None:
            sealed = self._box.seal(wanted.password.encode(), transport_purpose(id_))
        return Transport(**{**fields, "password": sealed}).model_dump(mode="json")

    async def _visible(self, owner: Owner, id_: str) -> Entity:
        found = await self._transports.find(visible(owner), [id_])
        if id_ not in found:
            raise not_found("transport")
        return found[id_]

    async def _own(self, owner: Owner, id_: str) -> Entity:
        entity = await self._visible(owner, id_)
        if entity.workspace_id != owner:
            raise ProblemError(403, "shared_transport", "Only the operator changes a shared transport.")
        return entity

    def _after(self, cursor: str | None, query: str) -> str | None:
        if cursor is None:
            return None
        try:
            return str(self._cursors.read(cursor, query)[0])
        except InvalidCursorError as error:
            fault = Fault("#/cursor", "invalid_cursor", "This cursor was not made for this list.")
            raise invalid_request([fault]) from error


def visible(owner: Owner) -> tuple[Owner, ...]:
    """Whose transports an owner sees: its own and the platform's."""
    return (None,) if owner is None else (owner, None)


def rendered(entity: Entity, owner: Owner) -> dict[str, Any]:
    """A transport as its reader may see it: never a password, user name and sources only to its owner."""
    data: Mapping[str, Any] = entity.data
    own = entity.workspace_id == owner
    shown = {name: data.get(name) for name in TransportBody.model_fields if name not in ("username", "password")}
    return {
        "id": entity.id,
        **shown,
        "sources": data.get("sources", []) if own else [],
        "username": data["username"] if own else None,
        "has_password": data["password"] is not None,
        "shared": entity.workspace_id is None,
        "version": entity.version,
    }


def _path(owner: Owner) -> str:
    return "/v1/platform/transports" if owner is None else "/v1/transports"


def made(owner: Owner, view: View) -> Response:
    """The reply to who has made a transport."""
    return json_response(201, view, {"Location": f"{_path(owner)}/{view['id']}"})


def created(*statuses: int) -> Described:
    """The replies of a route that makes a transport."""
    described = replies(201, TransportView, "The new transport", *statuses, *BODY)
    described[201]["headers"] = LOCATION
    return described


def transports_router(base: Base, api: TransportApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/transports", ["transports"])
    allowed = caller(base.authenticator, "routing")

    @router.get("", operation_id="list_transports", responses=replies(200, TransportPage, "A page", *KEY, 422))
    async def list_transports(limit: Limit = 25, cursor: Cursor = None, principal: Principal = allowed) -> Response:
        """List the workspace's transports and the shared ones, oldest first."""
        return json_response(200, await api.list(principal.workspace_id, limit, cursor))

    @router.post(
        "", status_code=201, operation_id="create_transport", openapi_extra=body_of(TransportBody, SMART_HOST),
        responses=created(*KEY),
    )  # fmt: skip
    async def create_transport(request: Request, principal: Principal = allowed) -> Response:
        """Create a transport of the workspace."""
        owner = principal.workspace_id
        return made(owner, await api.create(owner, await read_json(request, TransportBody)))

    @router.get("/{id}", operation_id="get_transport", responses=replies(200, TransportView, "It", *KEY, 404))
    async def get_transport(id: str, principal: Principal = allowed) -> Response:
        """One transport, the workspace's or a shared one."""
        return json_response(200, await api.get(principal.workspace_id, id))

    @router.patch(
        "/{id}", operation_id="change_transport", openapi_extra=body_of(TransportChanges, CHANGES),
        responses=replies(200, TransportView, "It as it is now", *KEY, 404, 409, *BODY, _403=SHARED),
    )  # fmt: skip
    async def change_transport(id: str, request: Request, principal: Principal = allowed) -> Response:
        """Change a transport of the workspace. What is not named stays."""
        changes = await read_json(request, TransportChanges)
        return json_response(200, await api.change(principal.workspace_id, id, changes))

    @router.delete(
        "/{id}", status_code=204, operation_id="delete_transport",
        responses=replies(204, None, "Deleted", *KEY, 404, 409, _403=SHARED, _409=IN_USE),
    )  # fmt: skip
    async def delete_transport(id: str, principal: Principal = allowed) -> Response:
        """Delete a transport of the workspace."""
        await api.delete(principal.workspace_id, id)
        return Response(status_code=204)

    return router
