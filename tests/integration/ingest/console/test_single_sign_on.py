"""Single sign-on in a real browser: to a real provider and back, and what the session opens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.fixtures.browser import Kind, OpenVisit, assert_accessible, browser, visit
from tests.fixtures.deployment import Deployment
from tests.fixtures.oidc_provider import OidcProvider, oidc_provider
from tests.fixtures.real_process import HOST, RealProcess, free_port, running
from tests.fixtures.servers import Servers
from tests.integration.ingest.conftest import make_workspace, open_door

__all__ = ["browser", "oidc_provider", "visit"]
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    servers: Servers, oidc_provider: OidcProvider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RealProcess]:
    """Ingest's http role; `sue` is of support in one workspace, `bob` there and a viewer in another, `eve` nobody."""
    log: Path = tmp_path_factory.mktemp("console") / "http.log"
    port = free_port()
    base_url = f"http://{HOST}:{port}"
    client = await oidc_provider.register(f"{base_url}/console/sign-in/oidc/callback")
    for name, groups in (("sue", ["support"]), ("bob", ["support", "guests"]), ("eve", [])):
        await oidc_provider.set_account(name, email=f"{name}@corp.example", groups=groups)
    deployment = Deployment(servers.mongo_url, servers.kafka_bootstrap)
    async with open_door(deployment) as door:
        other, _ = await make_workspace(door.workspaces, name="Other Shop")
        grants = {
            "support": {"workspace": door.workspace.id, "role": "support"},
            "guests": {"workspace": other.id, "role": "viewer"},
        }
        settings = {
            "http_port": port,
            "public_url": base_url,
            "oidc_issuer": oidc_provider.issuer,
            "oidc_client_id": client.id,
            "oidc_client_secret": client.secret,
            "oidc_name": "Corp",
            "oidc_grants": json.dumps(grants),
        }
        async with running(deployment, "ingest:http", log, **settings) as process:
            yield process
    await deployment.drop()


async def test_somebody_of_support_signs_in_and_out(
    visit: OpenVisit, house: RealProcess, oidc_provider: OidcProvider
) -> None:
    page = (await visit(house.base_url, also=[oidc_provider.issuer])).page
    await page.goto("/console/messages?status=bounced")
    await assert_accessible(page)
    await page.get_by_role("link", name="Sign in with Corp").click()
    await oidc_provider.sign_in(page, "sue")
    await page.wait_for_url("**/console/messages?status=bounced")
    await expect(page.get_by_text("sue@corp.example")).to_be_visible()
    menu = page.get_by_role("navigation", name="Console")
    await expect(menu.get_by_role("link", name="Suppressions")).to_be_visible()
    await expect(menu.get_by_role("link", name="Keys")).to_have_count(0)
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/console/sign-in")


async def test_who_has_roles_in_two_workspaces_chooses_one(
    visit: OpenVisit, house: RealProcess, oidc_provider: OidcProvider
) -> None:
    page = (await visit(house.base_url, also=[oidc_provider.issuer])).page
    await page.goto("/console/messages")
    await page.get_by_role("link", name="Sign in with Corp").click()
    await oidc_provider.sign_in(page, "bob")
    await expect(page.get_by_role("heading", name="Which workspace?")).to_be_visible()
    await assert_accessible(page)
    await page.get_by_role("button", name="Other Shop").click()
    await page.wait_for_url("**/console/messages")
    await expect(page.get_by_text("Other Shop")).to_be_visible()


async def test_who_has_no_role_or_turns_back_stays_out(
    visit: OpenVisit, house: RealProcess, oidc_provider: OidcProvider
) -> None:
    visited = await visit(house.base_url, also=[oidc_provider.issuer])
    visited.expect(Kind.CONSOLE, "401")
    page = visited.page
    await page.goto("/console/sign-in")
    await page.get_by_role("link", name="Sign in with Corp").click()
    await oidc_provider.cancel(page)
    await expect(page.get_by_role("alert")).to_contain_text("did not let you in")
    await page.get_by_role("link", name="Sign in with Corp").click()
    await oidc_provider.sign_in(page, "eve")
    await expect(page.get_by_role("alert")).to_contain_text("has a role in no workspace here")
