"""Keys, SMTP credentials and the workspace, by mouse and keyboard."""

from __future__ import annotations

import secrets

import httpx
import pytest
from playwright.async_api import expect

from tests.e2e.account import Account
from tests.e2e.console.conftest import OpenConsole
from tests.e2e.console.looks import assert_sound
from tests.fixtures.browser import Kind

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def status_of(shop: Account, key: str) -> int:
    async with httpx.AsyncClient(base_url=shop.home["base_url"]) as http:
        return (await http.get("/v1/emails", headers={"Authorization": f"Bearer {key}"})).status_code


async def test_a_key_is_made_copied_changed_rotated_and_revoked(console: OpenConsole, shop: Account) -> None:
    name = f"reports {secrets.token_hex(4)}"
    visited = await console("/console/keys")
    await visited.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visited.page
    await page.get_by_role("link", name="New API key").click()
    visited.expect(Kind.CONSOLE, "422")
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_role("alert")).to_contain_text("one field needs another value")
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_role("checkbox", name="Read messages").check()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("it is shown this once")).to_be_visible()
    await page.get_by_role("button", name="Copy the key").click()
    text = await page.evaluate("navigator.clipboard.readText()")
    assert await status_of(shop, text) == 200
    await page.get_by_role("link", name="I have copied it").click()
    await expect(page.get_by_text(text)).to_have_count(0)
    await page.get_by_role("link", name=name).click()
    await page.get_by_role("checkbox", name="Read messages").uncheck()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved.")
    assert await status_of(shop, text) == 403
    await page.get_by_label("The text that it has works on").select_option(label="not at all: it has leaked")
    visited.expect(Kind.DIALOG, "a new text")
    await page.get_by_role("button", name="Rotate the key").click()
    await expect(page.get_by_text("it is shown this once")).to_be_visible()
    assert await status_of(shop, text) == 401
    await page.get_by_role("link", name="I have copied it").click()
    await page.get_by_role("link", name=name).click()
    visited.expect(Kind.DIALOG, "Revoke the key")
    await page.get_by_role("button", name="Revoke").click()
    await expect(page.get_by_role("status")).to_contain_text("Revoked")
    await expect(page.get_by_role("link", name=name)).to_have_count(0)


async def test_an_smtp_credential_is_made_and_revoked(console: OpenConsole, shop: Account) -> None:
    name = f"printer {secrets.token_hex(4)}"
    visited = await console("/console/keys")
    page = visited.page
    await page.get_by_role("link", name="New SMTP credential").click()
    await page.get_by_label("Name", exact=True).fill(name)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Copy its password now")).to_be_visible()
    await expect(page.get_by_text(str(shop.home["smtp"]["port"]), exact=True)).to_be_visible()
    await page.get_by_role("link", name="I have copied it").click()
    visited.expect(Kind.DIALOG, f"Revoke the SMTP credential “{name}”")
    await page.get_by_role("row", name=name).get_by_role("button", name="Revoke").click()
    await expect(page.get_by_role("status")).to_contain_text("Revoked")
    await expect(page.get_by_role("row", name=name)).to_have_count(0)


async def test_the_workspace_s_defaults_are_changed_and_the_log_tells_of_it(
    console: OpenConsole, shop: Account
) -> None:
    page = (await console("/console/workspace")).page
    await page.get_by_label("Stream").select_option("billing")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved.")
    await expect(page.get_by_label("Stream")).to_have_value("billing")
    await page.get_by_role("link", name="Audit log").click()
    await page.get_by_label("What was done").select_option("workspace.changed")
    await page.get_by_role("button", name="Search").click()
    row = page.locator("tbody tr").first
    await expect(row).to_contain_text("changed the workspace")
    await expect(row).to_contain_text("default_stream")
    await page.get_by_role("link", name="Settings", exact=True).click()
    await page.get_by_label("Stream").select_option("product")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved.")


async def test_the_pages_are_for_everybody(console: OpenConsole, shop: Account) -> None:
    key = (await shop.get("/v1/api-keys"))["data"][0]["id"]
    paths = ("/console/keys", "/console/keys/new", "/console/keys/smtp/new", f"/console/keys/{key}")
    await assert_sound(console, *paths, "/console/workspace", "/console/workspace/audit")
