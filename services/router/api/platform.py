"""`/v1/platform/transports`: the shared transports, for the operator."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.router.api.bodies import TransportBody, TransportChanges
from services.router.api.schemas import CHANGES, SMART_HOST, TransportPage, TransportView
from services.router.api.transports import IN_USE, TransportApi, created, made
from shared.api import json_response, read_json, service_router
from shared.auth import operator
from shared.openapi.operations import BODY, OPERATOR, Cursor, Limit, body_of, replies
from shared.service import Base


def platform_router(base: Base, api: TransportApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/platform/transports", ["platform"])
    allowed = [operator(base.authenticator)]

    @router.get(
        "", dependencies=allowed, operation_id="list_shared_transports",
        responses=replies(200, TransportPage, "A page", *OPERATOR, 422),
    )  # fmt: skip
    async def list_shared_transports(limit: Limit = 25, cursor: Cursor = None) -> Response:
        """List the shared transports, oldest first."""
        return json_response(200, await api.list(None, limit, cursor))

    @router.post(
        "", status_code=201, dependencies=allowed, operation_id="create_shared_transport",
        openapi_extra=body_of(TransportBody, SMART_HOST), responses=created(*OPERATOR),
    )  # fmt: skip
    async def create_shared_transport(request: Request) -> Response:
        """Create a transport that every workspace may use."""
        return made(None, await api.create(None, await read_json(request, TransportBody)))

    @router.get(
        "/{id}", dependencies=allowed, operation_id="get_shared_transport",
        responses=replies(200, TransportView, "It", *OPERATOR, 404),
    )  # fmt: skip
    async def get_shared_transport(id: str) -> Response:
        """One shared transport."""
        return json_response(200, await api.get(None, id))

    @router.patch(
        "/{id}", dependencies=allowed, operation_id="change_shared_transport",
        openapi_extra=body_of(TransportChanges, CHANGES),
        responses=replies(200, TransportView, "It as it is now", *OPERATOR, 404, 409, *BODY),
    )  # fmt: skip
    async def change_shared_transport(id: str, request: Request) -> Response:
        """Change a shared transport. What is not named stays."""
        return json_response(200, await api.change(None, id, await read_json(request, TransportChanges)))

    @router.delete(
        "/{id}", status_code=204, dependencies=allowed, operation_id="delete_shared_transport",
        responses=replies(204, None, "Deleted", *OPERATOR, 404, 409, _409=IN_USE),
    )  # fmt: skip
    async def delete_shared_transport(id: str) -> Response:
        """Delete a shared transport."""
        await api.delete(None, id)
        return Response(status_code=204)

    return router
