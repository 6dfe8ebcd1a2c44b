"""`/v1/platform/transports`: the shared transports, for the operator."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.router.api.bodies import TransportBody, TransportChanges
from services.router.api.transports import Cursor, Limit, TransportApi, schema_of
from shared.api import read_json, service_router
from shared.auth import operator
from shared.service import Base


def platform_router(base: Base, api: TransportApi) -> APIRouter:
    router = service_router(base.tracing, "/v1/platform/transports", ["platform"])
    allowed = [operator(base.authenticator)]

    @router.get("", dependencies=allowed)
    async def list_shared_transports(limit: Limit = 25, cursor: Cursor = None) -> Response:
        return await api.list(None, limit, cursor)

    @router.post("", status_code=201, dependencies=allowed, openapi_extra=schema_of(TransportBody))
    async def create_shared_transport(request: Request) -> Response:
        return await api.create(None, await read_json(request, TransportBody))

    @router.get("/{id}", dependencies=allowed)
    async def get_shared_transport(id: str) -> Response:
        return await api.get(None, id)

    @router.patch("/{id}", dependencies=allowed, openapi_extra=schema_of(TransportChanges))
    async def change_shared_transport(id: str, request: Request) -> Response:
        return await api.change(None, id, await read_json(request, TransportChanges))

    @router.delete("/{id}", status_code=204, dependencies=allowed)
    async def delete_shared_transport(id: str) -> Response:
        return await api.delete(None, id)

    return router
