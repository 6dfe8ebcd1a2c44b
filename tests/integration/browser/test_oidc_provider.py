"""The provider of the tests: discovery, and the authorization code flow with PKCE as a browser goes through it."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet
from playwright.async_api import Page

from tests.fixtures.browser import Kind, OpenVisit
from tests.fixtures.http_receiver import HttpReceiver
from tests.fixtures.oidc_provider import Client, OidcProvider
from tests.integration.browser.conftest import Publish

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALLBACK = "/callback"
SCOPE = "openid email profile groups"
CLAIMS = {"email": "jane@example.test", "name": "Jane Doe", "groups": ["operators", "readers"]}


async def discovered(provider: OidcProvider) -> Any:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{provider.issuer}/.well-known/openid-configuration")).raise_for_status().json()


def authorization_url(metadata: dict[str, Any], client: Client, redirect_uri: str, **given: str) -> str:
    asked = {"client_id": client.id, "response_type": "code", "scope": SCOPE, "redirect_uri": redirect_uri, **given}
    return str(httpx.URL(metadata["authorization_endpoint"], params=asked))


def returned(page: Page) -> dict[str, str]:
    """The parameters with which the provider led back."""
    return dict(parse_qsl(urlsplit(page.url).query))


async def test_discovery_names_its_issuer_and_its_keys(oidc_provider: OidcProvider) -> None:
    metadata = await discovered(oidc_provider)
    assert metadata["issuer"] == oidc_provider.issuer
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    async with httpx.AsyncClient() as http:
        keys = (await http.get(metadata["jwks_uri"])).json()["keys"]
    assert [(key["kty"], key["alg"], "d" in key) for key in keys] == [("RSA", "RS256", False)]


async def test_a_browser_brings_a_code_that_is_worth_an_id_token(
    visit: OpenVisit, oidc_provider: OidcProvider, site: HttpReceiver, publish: Publish
) -> None:
    publish(CALLBACK, "<p>Welcome</p>")
    await oidc_provider.set_account("jane", **CLAIMS)
    client = await oidc_provider.register(site.url(CALLBACK))
    metadata = await discovered(oidc_provider)
    page = (await visit(site.url(""), also=[oidc_provider.issuer])).page
    verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = {"code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256"}
    await page.goto(authorization_url(metadata, client, site.url(CALLBACK), state=state, nonce=nonce, **challenge))
    await oidc_provider.sign_in(page, "jane")
    await page.get_by_text("Welcome").wait_for()
    assert page.url.startswith(site.url(CALLBACK))
    assert (returned(page)["state"], returned(page)["iss"]) == (state, oidc_provider.issuer)
    form = {"grant_type": "authorization_code", "code": returned(page)["code"], "redirect_uri": site.url(CALLBACK)}
    async with httpx.AsyncClient(auth=(client.id, client.secret)) as http:
        refused = await http.post(metadata["token_endpoint"], data={**form, "code_verifier": "v" * 43})
        token = (await http.post(metadata["token_endpoint"], data={**form, "code_verifier": verifier})).json()
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {token['access_token']}"}) as http:
        told = (await http.get(metadata["userinfo_endpoint"])).json()
        keys = KeySet.import_key_set((await http.get(metadata["jwks_uri"])).json())
    assert refused.json()["error"] == "invalid_grant"
    claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (oidc_provider.issuer, client.id, nonce)
    assert {name: claims[name] for name in ("sub", *CLAIMS)} == told == {"sub": "jane", **CLAIMS}


async def test_a_person_can_mistype_a_name_and_go_away(
    visit: OpenVisit, oidc_provider: OidcProvider, site: HttpReceiver, publish: Publish
) -> None:
    publish(CALLBACK, "<p>Nobody came</p>")
    client = await oidc_provider.register(site.url(CALLBACK))
    metadata = await discovered(oidc_provider)
    visitor = await visit(site.url(""), also=[oidc_provider.issuer])
    visitor.expect(Kind.CONSOLE, "403")
    challenge = {"code_challenge": create_s256_code_challenge("v" * 43), "code_challenge_method": "S256"}
    await visitor.page.goto(authorization_url(metadata, client, site.url(CALLBACK), **challenge))
    await oidc_provider.sign_in(visitor.page, "nobody")
    await visitor.page.get_by_text("Nobody has this name.").wait_for()
    await oidc_provider.cancel(visitor.page)
    await visitor.page.get_by_text("Nobody came").wait_for()
    assert returned(visitor.page)["error"] == "access_denied"


async def test_a_client_without_pkce_is_refused(oidc_provider: OidcProvider, site: HttpReceiver) -> None:
    client = await oidc_provider.register(site.url(CALLBACK))
    url = authorization_url(await discovered(oidc_provider), client, site.url(CALLBACK))
    async with httpx.AsyncClient() as http:
        told = httpx.URL((await http.get(url)).headers["location"]).params
    assert told["error"] == "invalid_request"
    assert "PKCE" in told["error_description"]
