"""Sending domains: the list, a new one, and what can be done with one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import Actor, actor_of
from services.ingest.api.domains import SCOPE, DomainParts
from services.ingest.console.domain import OF_A_DOMAIN, PATH, domain_page
from services.ingest.console.domain_words import checked, summary_of
from services.ingest.console.numbered import numbered_urls
from services.ingest.domains.registry import FEATURE
from services.ingest.domains.requests import DomainChanges, DomainPage, NewDomain
from services.ingest.store.domains import KeptDomain
from shared.console.console import Console
from shared.console.forms import Form, as_body, lines_of, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError
from shared.service import Base

TEXTS = ("name", "tracking_subdomain", "tracking_mode", "dkim_selectors", "dkim_ed25519")
MODES = [("", "direct"), ("cloudflare", "behind Cloudflare's proxy")]


def domains_pages(console: Console, base: Base, parts: DomainParts) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed, may_change = console.gate.page(SCOPE), console.gate.action(SCOPE)

    @router.get(PATH)
    async def show(request: Request, visitor: Visitor = allowed) -> Response:
        visitor.principal.require_feature(FEATURE)
        given = {"q": request.query_params.get("q", "").strip()}
        found: list[KeptDomain] = []
        form, total, page = Form(given), 0, DomainPage()
        try:
            wanted = {"search": given["q"] or None, "page": request.query_params.get("page") or "1"}
            page = as_body(DomainPage, wanted)
            found, total = await parts.domains.page(visitor.workspace_id, page.search, page.skip, page.per_page)
        except ProblemError as problem:
            form = refused(given, problem)
        return pages.show(
            request,
            visitor,
            "domains.html",
            form.status,
            domains=[summary_of(parts.view(kept)) for kept in found],
            form=form,
            total=total,
            **numbered_urls(PATH, {"q": given["q"]} if given["q"] else {}, page.page, page.skip + len(found) < total),
        )

    @router.get(f"{PATH}/new")
    async def ask(request: Request, visitor: Visitor = allowed) -> Response:
        visitor.principal.require_feature(FEATURE)
        form = Form({**dict.fromkeys(TEXTS, ""), "name": request.query_params.get("name", "")})
        return pages.show(request, visitor, "domain_new.html", form=form, modes=MODES)

    @router.post(PATH)
    async def add(request: Request, visitor: Visitor = may_change) -> Response:
        visitor.principal.require_feature(FEATURE)
        given = await read_form(request, *TEXTS)
        actor = actor_of(base.authenticator, request, visitor.principal)
        try:
            await parts.registry.require_room(visitor.principal)
            kept = await parts.registry.create(actor, visitor.workspace_id, as_body(NewDomain, body_of(given)))
        except ProblemError as problem:
            form = refused(given, problem)
            return pages.show(request, visitor, "domain_new.html", form.status, form=form, modes=MODES)
        return pages.go(f"{PATH}/{kept.domain.name}", "Added. Publish its records now.")

    return router


def domain_buttons(console: Console, base: Base, parts: DomainParts) -> APIRouter:
    """What can be done with a domain; each leads back to its page, or shows it with what is in the way."""
    router = console.router()
    pages = console.pages
    may_change = console.gate.action(SCOPE)

    def actor(request: Request, visitor: Visitor) -> Actor:
        visitor.principal.require_feature(FEATURE)
        return actor_of(base.authenticator, request, visitor.principal)

    @router.post(f"{OF_A_DOMAIN}/check")
    async def check(request: Request, name: str, visitor: Visitor = may_change) -> Response:
        kept = await parts.registry.verify(actor(request, visitor), visitor.workspace_id, name)
        return pages.go(f"{PATH}/{kept.domain.name}", checked(parts.view(kept)))

    @router.post(f"{OF_A_DOMAIN}/rotation")
    async def rotate(request: Request, name: str, visitor: Visitor = may_change) -> Response:
        try:
            kept = await parts.registry.rotate(actor(request, visitor), visitor.workspace_id, name)
        except ProblemError as problem:
            return await domain_page(console, parts, request, visitor, name, refused({}, problem))
        return pages.go(f"{PATH}/{kept.domain.name}", "Begun: publish the new keys' records, they take over then.")

    @router.post(f"{OF_A_DOMAIN}/ed25519")
    async def sign_twice(request: Request, name: str, visitor: Visitor = may_change) -> Response:
        wanted = (await read_form(request, "wanted"))["wanted"] == "yes"
        changes = DomainChanges(dkim_ed25519=wanted)
        try:
            kept = await parts.registry.change(actor(request, visitor), visitor.workspace_id, name, changes)
        except ProblemError as problem:
            return await domain_page(console, parts, request, visitor, name, refused({}, problem))
        said = "Publish the Ed25519 key's record: it signs then." if wanted else "Signed with RSA alone."
        return pages.go(f"{PATH}/{kept.domain.name}", said)

    @router.post(f"{OF_A_DOMAIN}/deletion")
    async def delete(request: Request, name: str, visitor: Visitor = may_change) -> Response:
        await parts.registry.delete(actor(request, visitor), visitor.workspace_id, name)
        return pages.go(PATH, f"Deleted {name}, with its keys and addresses.")

    return router


def body_of(given: Mapping[str, str]) -> dict[str, Any]:
    """What the fields of a new domain ask the API for."""
    return {
        "name": given["name"],
        "tracking_subdomain": given["tracking_subdomain"] or None,
        "tracking_mode": given["tracking_mode"] or None,
        "dkim_selectors": lines_of(given["dkim_selectors"]) or None,
        "dkim_ed25519": given["dkim_ed25519"] == "yes",
    }
