"""`/v1/erasures` of a workspace, and `/v1/platform/erasures` of the operator, for every workspace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from services.suppression.erasing.certificate import certificate_of
from services.suppression.erasing.schemas import BODY_OF_ERASURE, NewErasure, asked, certificate, erasures
from services.suppression.erasing.store import ErasureStore
from services.suppression.settings import Settings
from shared.addresses import InvalidAddressError, parse_address
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller, operator
from shared.contracts.purposes import erasure_purpose
from shared.erasure import replaced
from shared.errors import Fault, invalid_request, not_found
from shared.id_pages import Pages
from shared.openapi.operations import KEY, OPERATOR, Cursor, Limit
from shared.secrets import address_hmac
from shared.service import Base
from shared.tokens import uuid7

SCOPE = "admin"
Certificate = dict[str, Any]


class ErasureApi:
    """What the routes do; a workspace of None is the operator's."""

    def __init__(self, store: ErasureStore, settings: Settings) -> None:
        self._store = store
        self._pepper = settings.pepper_bytes
        self._box = settings.secret_box
        self._pages = Pages(settings.token_key_bytes)
        self._topics = timedelta(hours=settings.erasure_topics_hours)

    async def ask(self, request: Request, workspace_id: str | None, by: str) -> Response:
        return json_response(202, await self.erase(await read_json(request, NewErasure), workspace_id, by))

    async def erase(self, wanted: NewErasure, workspace_id: str | None, by: str) -> Certificate:
        """Asks every service for it; raises a 422 problem for what is no address."""
        address = self.person(wanted)
        id_, digest = uuid7(), address_hmac(self._pepper, address)
        document = await self._store.add(
            {
                "_id": id_,
                "workspace_id": workspace_id,
                "address_hmac": digest,
                "address": self._box.seal(address.encode(), erasure_purpose(id_)),
                "reason": replaced(wanted.reason, address, digest) if wanted.reason else None,
                "by": by,
            }
        )
        await self._store.outbox.offer([document])
        return self._certificate(document)

    def person(self, wanted: NewErasure) -> str:
        """The address that is meant; raises a 422 problem for what is none."""
        try:
            return parse_address(wanted.email, smtputf8=True).lower()
        except InvalidAddressError as error:
            raise invalid_request([Fault("#/email", "invalid_address", f"This {error}.")]) from error

    async def list(self, workspace_id: str | None, limit: int, cursor: str | None) -> Response:
        return json_response(200, await self.page(workspace_id, limit, cursor))

    async def page(self, workspace_id: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
        """Newest first; raises a 422 problem for a cursor of another list."""
        query = f"erasures:{workspace_id}"
        found = await self._store.page(workspace_id, self._pages.place(cursor, query), limit + 1)
        return self._pages.page([self._certificate(each) for each in found], limit, query)

    async def get(self, workspace_id: str | None, id_: str) -> Response:
        return json_response(200, await self.certificate(workspace_id, id_))

    async def certificate(self, workspace_id: str | None, id_: str) -> Certificate:
        """As it stands; raises a 404 problem."""
        found = await self._store.get(workspace_id, id_.lower())
        if found is None:
            raise not_found("erasure")
        return self._certificate(found)

    def _certificate(self, document: Mapping[str, Any]) -> Certificate:
        return certificate_of(document, self._topics, datetime.now(UTC))


def workspace_erasures(base: Base, api: ErasureApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/erasures", ["privacy"])
    allowed = caller(base.authenticator, SCOPE)

    @router.post("", status_code=202, operation_id="erase_person", responses=asked(*KEY), openapi_extra=BODY_OF_ERASURE)
    async def erase(request: Request, principal: Principal = allowed) -> Response:
        """Erase all that the workspace holds of a person. What waits for them is canceled; they get no mail again."""
        return await api.ask(request, principal.workspace_id, f"key:{principal.key_id}")

    @router.get("", operation_id="list_erasures", responses=erasures(*KEY))
    async def show_all(limit: Limit = 25, cursor: Cursor = None, principal: Principal = allowed) -> Response:
        """The workspace's erasures, newest first."""
        return await api.list(principal.workspace_id, limit, cursor)

    @router.get("/{erasure}", operation_id="get_erasure", responses=certificate(*KEY))
    async def show(erasure: str, principal: Principal = allowed) -> Response:
        """The certificate of an erasure: what each service did, and who is waited for."""
        return await api.get(principal.workspace_id, erasure)

    return router


def platform_erasures(base: Base, api: ErasureApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/platform/erasures", ["platform"])
    allowed = [operator(base.authenticator)]

    @router.post(
        "", status_code=202, dependencies=allowed, operation_id="erase_person_everywhere", responses=asked(*OPERATOR),
        openapi_extra=BODY_OF_ERASURE,
    )  # fmt: skip
    async def erase(request: Request) -> Response:
        """Erase all that any workspace holds of a person."""
        return await api.ask(request, None, "operator")

    @router.get("", dependencies=allowed, operation_id="list_platform_erasures", responses=erasures(*OPERATOR))
    async def show_all(limit: Limit = 25, cursor: Cursor = None) -> Response:
        """The erasures in every workspace, newest first."""
        return await api.list(None, limit, cursor)

    @router.get(
        "/{erasure}", dependencies=allowed, operation_id="get_platform_erasure", responses=certificate(*OPERATOR)
    )
    async def show(erasure: str) -> Response:
        """The certificate of an erasure in every workspace."""
        return await api.get(None, erasure)

    return router
