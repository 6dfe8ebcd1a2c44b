"""Signing in by a real OpenID Connect provider, as a browser does; each of its checks refused once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.fixtures.console import words
from tests.fixtures.deployment import Deployment
from tests.fixtures.oidc_provider import OidcProvider, oidc_provider
from tests.fixtures.servers import Servers
from tests.integration.ingest.conftest import Door, make_workspace, open_door

__all__ = ["oidc_provider"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
BASE = "http://posthorn"
CALLBACK = f"{BASE}/console/sign-in/oidc/callback"


@dataclass
class House:
    """A console whose people a provider vouches for: `support` in its workspace, `both` there and in another."""

    door: Door
    provider: OidcProvider
    other: str

    async def flow(self, sub: str, target: str = "/console/messages") -> tuple[str, str]:
        """Goes to the provider as somebody; returns where it leads back and the cookie of the flow."""
        begun = await self.door.http.get("/console/sign-in/oidc", params={"next": target})
        assert begun.status_code == 303
        cookie = begun.headers["set-cookie"].partition(";")[0]
        async with httpx.AsyncClient(follow_redirects=True) as browser:
            form = await browser.get(begun.headers["location"])
            reply = await browser.post(form.url, data={"login": sub}, follow_redirects=False)
            while not reply.headers["location"].startswith(BASE):
                reply = await browser.get(reply.headers["location"], follow_redirects=False)
        return reply.headers["location"], cookie

    async def back(self, url: str, cookie: str) -> httpx.Response:
        self.door.http.cookies.clear()
        return await self.door.http.get(url, headers={"Cookie": cookie})

    async def page(self, reply: httpx.Response, path: str) -> httpx.Response:
        cookies = "; ".join(one.partition(";")[0] for one in reply.headers.get_list("set-cookie"))
        self.door.http.cookies.clear()
        return await self.door.http.get(path, headers={"Cookie": cookies})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(servers: Servers, oidc_provider: OidcProvider) -> AsyncIterator[House]:
    client = await oidc_provider.register(CALLBACK)
    await oidc_provider.set_account("sue", email="sue@corp.example", groups=["support"])
    await oidc_provider.set_account("bob", email="bob@corp.example", groups=["both", "support"])
    await oidc_provider.set_account("eve", email="eve@corp.example", groups=["nobody"])
    deployment = Deployment(servers.mongo_url, servers.kafka_bootstrap)
    async with open_door(deployment) as first:
        other, _ = await make_workspace(first.workspaces, name="Other")
        grants = {
            "support": {"workspace": first.workspace.id, "role": "support"},
            "both": {"workspace": other.id, "role": "viewer"},
        }
        settings = {
            "public_url": BASE,
            "oidc_issuer": oidc_provider.issuer,
            "oidc_client_id": client.id,
            "oidc_client_secret": client.secret,
            "oidc_grants": grants,
        }
        async with open_door(deployment, **settings) as door:
            door.workspace = first.workspace
            yield House(door, oidc_provider, other.id)
    await deployment.drop()


async def test_somebody_with_a_role_gets_in_and_may_what_it_says(house: House) -> None:
    url, cookie = await house.flow("sue")
    reply = await house.back(url, cookie)
    assert (reply.status_code, reply.headers["location"]) == (303, "/console/messages")
    page = await house.page(reply, "/console/messages")
    assert page.status_code == 200
    assert "sue@corp.example" in words(page)
    menu = re.findall(r'href="(/console/\w+)"', page.text)
    assert "/console/suppressions" in menu
    assert "/console/keys" not in menu


async def test_who_has_a_role_in_several_workspaces_chooses(house: House) -> None:
    url, cookie = await house.flow("bob")
    asked = await house.back(url, cookie)
    assert "Which workspace?" in words(asked)
    vouched = next(one for one in asked.headers.get_list("set-cookie") if one.startswith("posthorn_vouched="))
    headers = {"Cookie": vouched.partition(";")[0], "Origin": BASE}
    house.door.http.cookies.clear()
    foreign = await house.door.http.post("/console/sign-in/workspace", data={"workspace": "w9"}, headers=headers)
    assert foreign.status_code == 401
    chosen = await house.door.http.post("/console/sign-in/workspace", data={"workspace": house.other}, headers=headers)
    page = await house.page(chosen, "/console/messages")
    assert "Other" in words(page)


async def test_who_has_no_role_stays_out(house: House) -> None:
    url, cookie = await house.flow("eve")
    reply = await house.back(url, cookie)
    assert reply.status_code == 401
    assert "eve@corp.example has a role in no workspace here" in words(reply)
    assert "posthorn=" not in reply.headers.get("set-cookie", "")


async def test_a_code_is_taken_once_and_only_by_the_browser_that_asked(house: House) -> None:
    url, cookie = await house.flow("sue")
    assert (await house.back(url, "")).status_code == 401
    _, another = await house.flow("sue")
    assert (await house.back(url, another)).status_code == 401  # its state is another
    assert (await house.back(url, cookie)).status_code == 303
    assert (await house.back(url, cookie)).status_code == 401  # the provider gives nothing for a code twice


async def test_a_refusal_of_the_provider_is_told(house: House) -> None:
    url, cookie = await house.flow("sue")
    state = dict(parse_qsl(urlsplit(url).query))["state"]
    reply = await house.back(f"{CALLBACK}?state={state}&error=access_denied", cookie)
    assert reply.status_code == 401
    assert "did not let you in" in words(reply)


async def test_a_provider_that_is_away_is_told(house: House, deployment: Deployment) -> None:
    async with open_door(deployment, public_url=BASE, oidc_issuer="http://127.0.0.1:9", oidc_grants={}) as door:
        reply = await door.http.get("/console/sign-in/oidc")
        assert reply.status_code == 401
        assert "cannot be reached" in words(reply)
