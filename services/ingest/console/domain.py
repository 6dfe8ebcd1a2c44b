"""One sending domain: its records with what the DNS shows of each, its DKIM keys, its addresses."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import actor_of
from services.ingest.api.domains import SCOPE, DomainParts
from services.ingest.console.domain_words import KEY_STATES, record_of, standing_of, zone_file
from services.ingest.console.numbered import numbered_urls
from services.ingest.domains.registry import FEATURE
from services.ingest.domains.requests import NewAddress, Page
from shared.console.console import Console
from shared.console.forms import Form, as_body, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError
from shared.service import Base

PATH = "/console/domains"
OF_A_DOMAIN = f"{PATH}/{{name}}"
ADDRESS_FIELDS = tuple(NewAddress.model_fields)
MAY_BE_EMPTY = "company_address_2"


def domain_pages(console: Console, base: Base, parts: DomainParts) -> APIRouter:
    router = console.router()

    @router.get(OF_A_DOMAIN)
    async def show(request: Request, name: str, visitor: Visitor = console.gate.page(SCOPE)) -> Response:
        return await domain_page(console, parts, request, visitor, name, Form({}))

    _add_addresses(router, console, base, parts)
    return router


async def domain_page(
    console: Console, parts: DomainParts, request: Request, visitor: Visitor, name: str, form: Form
) -> Response:
    """The page of a domain; `form` tells what was in the way of what was asked for."""
    visitor.principal.require_feature(FEATURE)
    kept = await parts.registry.find(visitor.workspace_id, name)
    page = as_body(Page, {"page": request.query_params.get("page") or "1"})
    senders, total = await parts.senders.page(kept, page.skip, page.per_page)
    view = parts.view(kept)
    return console.pages.show(
        request,
        visitor,
        "domain.html",
        form.status,
        domain=view,
        standing=standing_of(view),
        records=[record_of(view, record) for record in view["dns"]],
        zone_file=zone_file(view["dns"]),
        key_states=KEY_STATES,
        ownership=kept.domain.ownership,
        senders=senders,
        total=total,
        form=form,
        **numbered_urls(f"{PATH}/{kept.domain.name}", {}, page.page, page.skip + len(senders) < total),
    )


def _add_addresses(router: APIRouter, console: Console, base: Base, parts: DomainParts) -> None:
    pages = console.pages
    allowed, may_change = console.gate.page(SCOPE), console.gate.action(SCOPE)

    def shown(request: Request, visitor: Visitor, name: str, form: Form) -> Response:
        return pages.show(request, visitor, "address_new.html", form.status, domain=name, form=form)

    @router.get(f"{OF_A_DOMAIN}/addresses/new")
    async def ask(request: Request, name: str, visitor: Visitor = allowed) -> Response:
        visitor.principal.require_feature(FEATURE)
        kept = await parts.registry.find(visitor.workspace_id, name)
        return shown(request, visitor, kept.domain.name, Form(dict.fromkeys(ADDRESS_FIELDS, "")))

    @router.post(f"{OF_A_DOMAIN}/addresses")
    async def add(request: Request, name: str, visitor: Visitor = may_change) -> Response:
        visitor.principal.require_feature(FEATURE)
        kept, given = await parts.registry.find(visitor.workspace_id, name), await read_form(request, *ADDRESS_FIELDS)
        actor = actor_of(base.authenticator, request, visitor.principal)
        try:
            wanted = as_body(NewAddress, {**given, MAY_BE_EMPTY: given[MAY_BE_EMPTY] or None})
            made = await parts.addresses.create(actor, kept, wanted, smtputf8=visitor.principal.workspace.smtputf8)
        except ProblemError as problem:
            return shown(request, visitor, kept.domain.name, refused(given, problem))
        return pages.go(f"{PATH}/{kept.domain.name}#addresses", f"Added {made.sender.address}.")

    @router.post(f"{OF_A_DOMAIN}/addresses/{{id}}/deletion")
    async def delete(request: Request, name: str, id: str, visitor: Visitor = may_change) -> Response:
        visitor.principal.require_feature(FEATURE)
        kept = await parts.registry.find(visitor.workspace_id, name)
        await parts.addresses.delete(actor_of(base.authenticator, request, visitor.principal), kept, id)
        return pages.go(f"{PATH}/{kept.domain.name}#addresses", "Deleted the address.")
