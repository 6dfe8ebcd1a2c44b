"""`/v1/domains/{domain}/addresses`: the sender addresses of a domain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.ingest.accounts.changes import actor_of
from services.ingest.api.domain_schemas import AddressList, AddressReply, operation, responses
from services.ingest.api.domains import DomainParts, may_have_domains
from services.ingest.domains.requests import NewAddress, Page
from services.ingest.domains.views import address_view, page_meta
from services.ingest.store.domains import KeptDomain, KeptSender
from shared.api import json_response, read_json, service_router
from shared.auth import Principal
from shared.openapi.operations import BODY
from shared.service import Base


def addresses_router(base: Base, parts: DomainParts) -> APIRouter:
    """`{domain}` is the id or the name of one of the workspace's domains; another's is not found."""
    router = service_router(base.tracing, "/v1/domains/{domain}/addresses", ["domains"])
    allowed = may_have_domains(base)
    registry, addresses = parts.registry, parts.addresses

    def shown(kept: KeptSender, domain: KeptDomain) -> dict[str, Any]:
        return address_view(kept, domain, datetime.now(UTC), parts.patience)

    @router.post(
        "",
        operation_id="create_domain_address",
        summary="Add a sender address to a domain",
        status_code=201,
        responses=responses(201, AddressReply, "Usable once its domain is verified", 404, *BODY),
        openapi_extra=operation(NewAddress),
    )
    async def create_address(domain: str, request: Request, principal: Principal = allowed) -> Response:
        kept = await registry.find(principal.workspace_id, domain)
        wanted = await read_json(request, NewAddress)
        actor = actor_of(base.authenticator, request, principal)
        made = await addresses.create(actor, kept, wanted, smtputf8=principal.workspace.smtputf8)
        return json_response(
            201, {"data": shown(made, kept)}, {"Location": f"/v1/domains/{kept.id}/addresses/{made.id}"}
        )

    @router.get(
        "",
        operation_id="list_domain_addresses",
        summary="List a domain's sender addresses, oldest first",
        responses=responses(200, AddressList, "A page of addresses", 404, 422),
    )
    async def list_addresses(domain: str, page: Annotated[Page, Query()], principal: Principal = allowed) -> Response:
        kept = await registry.find(principal.workspace_id, domain)
        found, total = await parts.senders.page(kept, page.skip, page.per_page)
        return json_response(200, {"data": [shown(one, kept) for one in found], "meta": page_meta(page, total)})

    @router.get(
        "/{id}",
        operation_id="get_domain_address",
        summary="One sender address",
        responses=responses(200, AddressReply, "The address", 404, 422),
    )
    async def get_address(domain: str, id: str, principal: Principal = allowed) -> Response:
        kept = await registry.find(principal.workspace_id, domain)
        return json_response(200, {"data": shown(await addresses.find(kept, id), kept)})

    @router.delete(
        "/{id}",
        operation_id="delete_domain_address",
        summary="Delete a sender address",
        status_code=204,
        response_class=Response,
        responses=responses(204, None, "Deleted", 404, 422),
    )
    async def delete_address(domain: str, id: str, request: Request, principal: Principal = allowed) -> Response:
        actor = actor_of(base.authenticator, request, principal)
        await addresses.delete(actor, await registry.find(principal.workspace_id, domain), id)
        return Response(status_code=204)

    return router
