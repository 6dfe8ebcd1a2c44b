"""Signing in with an API key, signing out, and the choice of light or dark."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest.settings import Settings
from shared.auth import Authenticator
from shared.console.console import Console
from shared.console.gate import SIGN_IN, Visitor, require_own_form, safe_target
from shared.console.pages import ROOT, THEME, THEMES
from shared.console.session import Session
from shared.errors import ProblemError
from shared.secrets import api_key_digest

YEAR = 365 * 86400


def sign_in_router(console: Console, authenticator: Authenticator, settings: Settings) -> APIRouter:
    router = console.router()
    gate, pages = console.gate, console.pages
    anybody = gate.action()
    others: dict[str, Any] = {"oidc": settings.oidc_name if settings.oidc_issuer else None, "oidc_fault": None}

    @router.get(SIGN_IN)
    async def ask(request: Request, next: str = ROOT) -> Response:
        return pages.show(request, None, "sign_in.html", next=safe_target(next), fault=None, **others)

    @router.post(SIGN_IN)
    async def sign_in(request: Request) -> Response:
        require_own_form(request)
        form = await request.form()
        key, target = str(form.get("key", "")).strip(), safe_target(str(form.get("next", ROOT)))
        try:
            principal = await authenticator.verify(key, authenticator.address_of(request))
        except ProblemError as problem:
            return pages.show(request, None, "sign_in.html", 401, next=target, fault=problem.detail, **others)
        digest = api_key_digest(settings.pepper_bytes, key)
        session = gate.sessions.of_key(principal.workspace_id, principal.key_id, principal.key, digest)
        return begun(console, session, target)

    @router.post("/console/sign-out")
    async def sign_out(visitor: Visitor = anybody) -> Response:
        response = pages.go(SIGN_IN)
        response.delete_cookie(gate.cookie, path="/", secure=gate.secure, httponly=True, samesite="lax")
        return response

    @router.post("/console/theme")
    async def theme(request: Request, visitor: Visitor = anybody) -> Response:
        form = await request.form()
        response = pages.go(safe_target(str(form.get("back", ROOT))))
        if form.get("theme") in THEMES:
            wanted = str(form["theme"])
            response.set_cookie(THEME, wanted, max_age=YEAR, path=ROOT, secure=gate.secure, samesite="lax")
        return response

    return router


def begun(console: Console, session: Session, target: str) -> Response:
    """On to a page as a new session: whatever cookie the browser brought, it has this one now."""
    gate = console.gate
    response = console.pages.go(target)
    response.set_cookie(
        gate.cookie, gate.sessions.seal(session), path="/", secure=gate.secure, httponly=True, samesite="lax"
    )
    return response
