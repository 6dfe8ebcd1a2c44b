"""SMTP credentials, on the page of the keys: made, shown once with all that a mail program asks for, revoked."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.ingest.accounts.changes import actor_of
from services.ingest.api.account_bodies import CredentialBody
from services.ingest.api.smtp_credentials import SCOPE, CredentialApi
from services.ingest.console.keys import PATH as KEYS
from services.ingest.console.smtp_facts import SmtpFacts
from shared.console.console import Console
from shared.console.forms import Form, as_body, read_form, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError
from shared.service import Base

PATH = f"{KEYS}/smtp"


def credentials_pages(console: Console, base: Base, credentials: CredentialApi, smtp: SmtpFacts) -> APIRouter:
    """To be added before the pages of the keys, whose paths begin alike."""
    router = console.router()
    pages = console.pages
    allowed, may_change = console.gate.page(SCOPE), console.gate.action(SCOPE)

    @router.get(f"{PATH}/new")
    async def ask(request: Request, visitor: Visitor = allowed) -> Response:
        return pages.show(request, visitor, "credential_new.html", form=Form({"name": ""}))

    @router.post(PATH)
    async def make(request: Request, visitor: Visitor = may_change) -> Response:
        """The answer itself shows the password, which is kept nowhere."""
        given = await read_form(request, "name")
        actor = actor_of(base.authenticator, request, visitor.principal)
        try:
            made = await credentials.create(actor, visitor.principal, as_body(CredentialBody, given))
        except ProblemError as problem:
            form = refused(given, problem)
            return pages.show(request, visitor, "credential_new.html", form.status, form=form)
        return pages.show(request, visitor, "credential_secret.html", credential=made, smtp=smtp)

    @router.post(f"{PATH}/{{id}}/revocation")
    async def revoke(request: Request, id: str, visitor: Visitor = may_change) -> Response:
        actor = actor_of(base.authenticator, request, visitor.principal)
        await credentials.revoke(actor, visitor.principal, id.lower())
        return pages.go(KEYS, "Revoked: the credential opens nothing any more.")

    return router
