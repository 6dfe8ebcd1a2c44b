"""Signing in by an OpenID Connect provider."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature, URLSafeTimedSerializer

from services.ingest.console.oidc import Asked, Provider, ProviderError
from services.ingest.console.roles import Role, roles_in_workspaces, scopes_of
from services.ingest.console.sign_in import begun
from services.ingest.settings import Settings
from shared.console.console import Console
from shared.console.gate import SIGN_IN, require_own_form, safe_target
from shared.console.pages import HEADERS, ROOT
from shared.console.session import SIGNED
from shared.contracts.entities import Kind
from shared.mongo.entity_cache import EntityCache

START, CALLBACK, CHOICE = f"{SIGN_IN}/oidc", f"{SIGN_IN}/oidc/callback", f"{SIGN_IN}/workspace"
FLOW, VOUCHED = "posthorn_oidc", "posthorn_vouched"
FLOW_SECONDS = 600


def oidc_pages(console: Console, cache: EntityCache, settings: Settings) -> APIRouter:
    router = console.router()
    gate, pages = console.gate, console.pages
    assert settings.oidc_issuer is not None
    provider = Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        settings.oidc_scope,
    )
    seal = URLSafeTimedSerializer(settings.token_key_bytes, "posthorn.console.oidc", signer_kwargs=SIGNED)
    redirect_uri = settings.public_url + CALLBACK

    def keep(response: Response, name: str, value: dict[str, Any]) -> Response:
        sealed = str(seal.dumps(value, salt=name))
        response.set_cookie(
            name, sealed, max_age=FLOW_SECONDS, path=SIGN_IN, secure=gate.secure, httponly=True, samesite="lax"
        )
        return response

    def kept(request: Request, name: str) -> dict[str, Any] | None:
        try:
            return dict(seal.loads(request.cookies.get(name, ""), max_age=FLOW_SECONDS, salt=name))
        except BadSignature:
            return None

    def refused(request: Request, fault: str, next_: str = ROOT) -> Response:
        return pages.show(
            request, None, "sign_in.html", 401, next=next_, fault=None, oidc=settings.oidc_name, oidc_fault=fault
        )

    @router.get(START)
    async def start(request: Request, next: str = ROOT) -> Response:
        try:
            asked = await provider.ask(redirect_uri)
        except ProviderError as error:
            return refused(request, str(error), safe_target(next))
        led = RedirectResponse(asked.url, 303, HEADERS)
        return keep(led, FLOW, {**asdict(asked), "url": "", "next": safe_target(next)})

    @router.get(CALLBACK)
    async def called_back(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
        flow = kept(request, FLOW)
        if flow is None or not state or state != flow["state"]:
            return refused(request, "This sign-in was not begun here, or too long ago; please begin again.")
        target = flow.pop("next")
        if error or not code:
            return refused(request, "The identity provider did not let you in.", target)
        asked = Asked(**flow)
        try:
            claims = await provider.claims(redirect_uri, code, asked.verifier, asked.nonce)
        except ProviderError as fault:
            return refused(request, str(fault), target)
        roles = roles_in_workspaces(claims, settings.oidc_groups_claim, settings.oidc_grants)
        known = await cache.many(Kind.WORKSPACE, dict.fromkeys(roles, 0))
        open_ = {id_: role for id_, role in roles.items() if id_ in known}
        name = str(claims.get("email") or claims.get("name") or claims["sub"])[:200]
        if not open_:
            return refused(request, f"{name} has a role in no workspace here. Ask who manages your groups.", target)
        if len(open_) == 1:
            ((workspace_id, role),) = open_.items()
            response = begun(console, gate.sessions.of_role(workspace_id, name, scopes_of(role)), target)
        else:
            choices = [(id_, known[id_].data["name"], str(role)) for id_, role in open_.items()]
            response = pages.show(request, None, "choose_workspace.html", name=name, choices=choices)
            keep(response, VOUCHED, {"name": name, "roles": open_, "next": target})
        response.delete_cookie(FLOW, path=SIGN_IN)
        return response

    @router.post(CHOICE)
    async def choose(request: Request) -> Response:
        """The workspace of who has a role in several."""
        require_own_form(request)
        vouched, wanted = kept(request, VOUCHED), str((await request.form()).get("workspace", ""))
        if vouched is None or wanted not in vouched["roles"]:
            return refused(request, "Please sign in again.")
        session = gate.sessions.of_role(wanted, vouched["name"], scopes_of(Role(vouched["roles"][wanted])))
        response = begun(console, session, vouched["next"])
        response.delete_cookie(VOUCHED, path=SIGN_IN)
        return response

    return router
