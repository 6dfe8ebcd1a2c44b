"""API keys: which there are, what each opens, made, changed, given a new text, revoked; and SMTP credentials."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import Actor, actor_of
from services.ingest.api.account_bodies import KeyBody, KeyChanges, Rotation
from services.ingest.api.key_api import KeyApi
from services.ingest.api.keys import SCOPE
from services.ingest.api.smtp_credentials import CredentialApi
from services.ingest.console.facets import STREAMS
from services.ingest.console.key_form import GRACES, body_of, changes_of, filled, given_by, key_state
from services.ingest.console.scopes import said_of, scope_ticks
from services.ingest.console.smtp_facts import SmtpFacts
from shared.console.console import Console
from shared.console.forms import Form, as_body, number_of, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError
from shared.service import Base

PATH = "/console/keys"
SHOWN = 100
DEFAULT_STREAMS = [("", "the workspace's"), *STREAMS[1:]]


def keys_pages(console: Console, base: Base, keys: KeyApi, credentials: CredentialApi, smtp: SmtpFacts) -> APIRouter:
    router = console.router()
    pages = console.pages
    allowed = console.gate.page(SCOPE)

    @router.get(PATH)
    async def show(request: Request, visitor: Visitor = allowed) -> Response:
        query = request.query_params
        found = await keys.list(visitor.principal, SHOWN, query.get("after") or None)
        known = await credentials.list(visitor.principal, SHOWN, query.get("smtp_after") or None)
        return pages.show(
            request,
            visitor,
            "keys.html",
            keys=[{**key, "said": said_of(key["scopes"]), "state": key_state(key)} for key in found["data"]],
            credentials=known["data"],
            next_key=found["next_cursor"],
            next_credential=known["next_cursor"],
            paged=bool(query),
            smtp=smtp,
            form=Form({"name": ""}),
        )

    @router.get(f"{PATH}/new")
    async def ask(request: Request, visitor: Visitor = allowed) -> Response:
        return pages.show(request, visitor, "key_new.html", **key_parts(visitor, Form(filled(None))))

    @router.get(f"{PATH}/{{id}}")
    async def show_one(request: Request, id: str, visitor: Visitor = allowed) -> Response:
        key = await keys.get(visitor.principal, id.lower())
        return pages.show(request, visitor, "key.html", key=key, **key_parts(visitor, Form(filled(key)), key))

    _add_changes(router, console, base, keys)
    return router


def _add_changes(router: APIRouter, console: Console, base: Base, keys: KeyApi) -> None:
    pages = console.pages
    may_change = console.gate.action(SCOPE)

    def actor(request: Request, visitor: Visitor) -> Actor:
        return actor_of(base.authenticator, request, visitor.principal)

    @router.post(PATH)
    async def make(request: Request, visitor: Visitor = may_change) -> Response:
        """The answer itself shows the key's text, which is kept nowhere: there is no page to go on to that could."""
        given = await given_by(request)
        try:
            wanted = as_body(KeyBody, body_of(given))
            made = await keys.create(actor(request, visitor), visitor.principal, visitor.workspace_id, wanted)
        except ProblemError as problem:
            form = refused(given, problem)
            return pages.show(request, visitor, "key_new.html", form.status, **key_parts(visitor, form))
        return pages.show(request, visitor, "key_secret.html", key=made, said=said_of(made["scopes"]), verb="made")

    @router.post(f"{PATH}/{{id}}")
    async def change(request: Request, id: str, visitor: Visitor = may_change) -> Response:
        key, given = await keys.get(visitor.principal, id.lower()), await given_by(request)
        try:
            changes = as_body(KeyChanges, changes_of(key, given))
            await keys.change(actor(request, visitor), visitor.principal, id.lower(), changes)
        except ProblemError as problem:
            form = refused(given, problem)
            return pages.show(request, visitor, "key.html", form.status, key=key, **key_parts(visitor, form, key))
        return pages.go(f"{PATH}/{id.lower()}", "Saved.")

    @router.post(f"{PATH}/{{id}}/rotation")
    async def rotate(request: Request, id: str, visitor: Visitor = may_change) -> Response:
        grace = number_of((await read_form(request, "grace_seconds"))["grace_seconds"])
        wanted = as_body(Rotation, {} if grace is None else {"grace_seconds": grace})
        rotated = await keys.rotate(actor(request, visitor), visitor.principal, id.lower(), wanted)
        return pages.show(
            request, visitor, "key_secret.html", key=rotated, said=said_of(rotated["scopes"]), verb="replaced"
        )

    @router.post(f"{PATH}/{{id}}/revocation")
    async def revoke(request: Request, id: str, visitor: Visitor = may_change) -> Response:
        await keys.revoke(actor(request, visitor), visitor.principal, id.lower())
        return pages.go(PATH, "Revoked: the key opens nothing any more.")


def key_parts(visitor: Visitor, form: Form, key: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the template of a key's form takes."""
    return {
        "form": form,
        "scopes": scope_ticks(visitor.principal, key["scopes"] if key else ()),
        "streams": DEFAULT_STREAMS,
        "graces": GRACES,
        "state": key_state(key) if key else None,
        "is_own": key is not None and key["id"] == visitor.principal.key_id,
    }
