"""`/v1/domains`: sending domains, the records that they are to publish, real looks at the DNS, DKIM rotation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from services.ingest.accounts.changes import Actor, actor_of
from services.ingest.api.domain_schemas import DomainList, DomainReply, operation, responses
from services.ingest.domains.addresses import Addresses
from services.ingest.domains.checks import Checks
from services.ingest.domains.entries import DomainEntries
from services.ingest.domains.records import Zone
from services.ingest.domains.registry import FEATURE, Registry
from services.ingest.domains.requests import DomainChanges, DomainPage, NewDomain
from services.ingest.domains.resolvers import Resolvers
from services.ingest.domains.views import domain_view, page_meta
from services.ingest.settings import Settings
from services.ingest.store.domains import Domains, KeptDomain, Senders
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller
from shared.openapi.operations import BODY
from shared.service import Base

SCOPE = "domains"


@dataclass(frozen=True, slots=True)
class DomainParts:
    """What the routes of domains and addresses are made of."""

    domains: Domains
    senders: Senders
    registry: Registry
    addresses: Addresses
    zone: Zone
    patience: timedelta

    @classmethod
    def of(cls, base: Base, settings: Settings) -> DomainParts:
        domains, senders = Domains(base.entities, base.publisher), Senders(base.entities, base.publisher)
        checks = Checks(domains, Resolvers(settings.domain_resolvers, settings.domain_dns_seconds), settings)
        registry = Registry(domains, senders, checks, settings)
        patience = timedelta(hours=settings.domain_grace_hours)
        addresses = Addresses(senders, DomainEntries(settings.audit_days))
        return cls(domains, senders, registry, addresses, Zone.of(settings), patience)

    def view(self, kept: KeptDomain) -> dict[str, Any]:
        """The domain as callers see it."""
        return domain_view(kept, self.zone, datetime.now(UTC), self.patience)


def may_have_domains(base: Base) -> Any:
    """The gates of these routes: the key, its scope, the workspace's feature."""

    async def dependency(principal: Principal = caller(base.authenticator, SCOPE)) -> Principal:
        principal.require_feature(FEATURE)
        return principal

    return Depends(dependency)


def domains_router(base: Base, parts: DomainParts) -> APIRouter:
    router = service_router(base.tracing, "/v1/domains", ["domains"])
    allowed = may_have_domains(base)
    registry, shown = parts.registry, parts.view

    def actor(request: Request, principal: Principal) -> Actor:
        return actor_of(base.authenticator, request, principal)

    @router.post(
        "",
        operation_id="create_domain",
        summary="Add a sending domain",
        status_code=201,
        responses=responses(201, DomainReply, "Its records are to be published now", *BODY),
        openapi_extra=operation(NewDomain),
    )
    async def create_domain(request: Request, principal: Principal = allowed) -> Response:
        await registry.require_room(principal)
        wanted = await read_json(request, NewDomain)
        kept = await registry.create(actor(request, principal), principal.workspace_id, wanted)
        return json_response(201, {"data": shown(kept)}, {"Location": f"/v1/domains/{kept.id}"})

    @router.get(
        "",
        operation_id="list_domains",
        summary="List and search sending domains, oldest first",
        responses=responses(200, DomainList, "A page of domains", 422),
    )
    async def list_domains(page: Annotated[DomainPage, Query()], principal: Principal = allowed) -> Response:
        found, total = await parts.domains.page(principal.workspace_id, page.search, page.skip, page.per_page)
        return json_response(200, {"data": [shown(kept) for kept in found], "meta": page_meta(page, total)})

    @router.get(
        "/{id}",
        operation_id="get_domain",
        summary="One sending domain, by its id or name",
        responses=responses(200, DomainReply, "The domain", 404, 422),
    )
    async def get_domain(id: str, principal: Principal = allowed) -> Response:
        return json_response(200, {"data": shown(await registry.find(principal.workspace_id, id))})

    @router.patch(
        "/{id}",
        operation_id="change_domain",
        summary="Have a domain's mail signed with a second key, of Ed25519, or no more",
        responses=responses(200, DomainReply, "The key's record is to be published", 404, 409, *BODY),
        openapi_extra=operation(DomainChanges),
    )
    async def change_domain(id: str, request: Request, principal: Principal = allowed) -> Response:
        await registry.find(principal.workspace_id, id)
        wanted = await read_json(request, DomainChanges)
        kept = await registry.change(actor(request, principal), principal.workspace_id, id, wanted)
        return json_response(200, {"data": shown(kept)})

    @router.delete(
        "/{id}",
        operation_id="delete_domain",
        summary="Delete a sending domain with its keys and addresses",
        status_code=204,
        response_class=Response,
        responses=responses(204, None, "Deleted", 404, 409, 422),
    )
    async def delete_domain(id: str, request: Request, principal: Principal = allowed) -> Response:
        await registry.delete(actor(request, principal), principal.workspace_id, id)
        return Response(status_code=204)

    @router.post(
        "/{id}/verification",
        operation_id="verify_domain",
        summary="Look at a domain's DNS records now",
        responses=responses(200, DomainReply, "The domain after the look", 404, 422),
    )
    async def verify_domain(id: str, request: Request, principal: Principal = allowed) -> Response:
        kept = await registry.verify(actor(request, principal), principal.workspace_id, id)
        return json_response(200, {"data": shown(kept)})

    @router.post(
        "/{id}/rotation",
        operation_id="rotate_domain_key",
        summary="Begin to replace a domain's DKIM key",
        responses=responses(200, DomainReply, "The new key's record is to be published", 404, 409, 422),
    )
    async def rotate_domain_key(id: str, request: Request, principal: Principal = allowed) -> Response:
        kept = await registry.rotate(actor(request, principal), principal.workspace_id, id)
        return json_response(200, {"data": shown(kept)})

    return router
