"""A sending domain from its name to its first mail, by mouse and keyboard."""

from __future__ import annotations

import secrets

import pytest
from playwright.async_api import Page, expect

from deploy.local.dns import publish_txt
from tests.e2e.account import Account, fresh
from tests.e2e.console.conftest import OpenConsole
from tests.e2e.console.looks import assert_sound
from tests.fixtures.browser import Kind

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def add(page: Page, name: str) -> None:
    await page.get_by_role("link", name="Add a domain").first.click()
    await page.get_by_label("Domain", exact=True).fill(name)
    await page.get_by_label("Tracking name", exact=True).fill("go")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


async def publish(page: Page, shop: Account) -> None:
    """Publishes the TXT records that the page shows."""
    for record in await page.locator(".records > li").all():
        kind, name, value, *_ = await record.locator("code").all_inner_texts()
        if kind == "TXT":
            publish_txt(shop.stack.home, name, value)


async def test_a_domain_is_added_verified_rotated_and_deleted(console: OpenConsole, shop: Account) -> None:
    name = f"d{secrets.token_hex(4)}.example"
    visited = await console("/console/domains")
    page = visited.page
    await add(page, name)
    await expect(page.get_by_text("Not verified yet")).to_be_visible()
    await publish(page, shop)
    await page.get_by_role("button", name="Check now").click()
    await expect(page.get_by_role("status")).to_contain_text("Looked at the DNS")
    await expect(page.get_by_text("Verified: it may send")).to_be_visible()
    (message_id,) = await shop.send(fresh("ok"), **{"from": f"hello@{name}"})
    await shop.reaches(message_id, "delivered")
    await page.get_by_role("button", name="Sign with Ed25519 too").click()
    await expect(page.get_by_role("cell", name="Ed25519", exact=True)).to_be_visible()
    visited.expect(Kind.DIALOG, "Begin to replace the DKIM keys")
    await page.get_by_role("button", name="Rotate the keys").click()
    await expect(page.get_by_text("A rotation is under way")).to_be_visible()
    await publish(page, shop)
    await page.get_by_role("button", name="Check now").click()
    await expect(page.get_by_text("A rotation is under way")).to_be_hidden()
    await expect(page.get_by_text("retiring")).to_be_visible()
    visited.expect(Kind.DIALOG, f"Delete {name}")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text(f"Deleted {name}")
    await expect(page.get_by_role("link", name=name)).to_have_count(0)


async def test_addresses_of_a_domain_are_added_and_deleted(console: OpenConsole, shop: Account) -> None:
    domain = shop.sender.partition("@")[2]
    visited = await console(f"/console/domains/{domain}")
    page = visited.page
    await page.get_by_role("link", name="Add an address").click()
    visited.expect(Kind.CONSOLE, "422")
    await page.get_by_role("button", name="Add the address").click()
    await expect(page.get_by_role("alert")).to_contain_text("fields need another value")
    await page.get_by_label("Address", exact=True).fill("receipts")
    for label in ("Display name", "Street", "Postal code", "City", "State", "Country"):
        await page.get_by_label(label, exact=True).fill("Acme")
    await page.get_by_label("Replies to").fill(shop.sender)
    await page.get_by_role("button", name="Add the address").click()
    row = page.get_by_role("row", name=f"receipts@{domain}")
    await expect(row).to_be_visible()
    visited.refuse("Delete the address")
    await row.get_by_role("button", name="Delete").click()
    await expect(row).to_be_visible()


async def test_a_record_is_copied(console: OpenConsole, shop: Account) -> None:
    visited = await console(f"/console/domains/{shop.sender.partition('@')[2]}")
    await visited.context.grant_permissions(["clipboard-read", "clipboard-write"])
    value = await visited.page.locator(".records li").nth(1).locator("code").nth(2).inner_text()
    await visited.page.get_by_role("button", name="Copy the value of DKIM key").focus()
    await visited.page.keyboard.press("Enter")
    await expect(visited.page.get_by_role("button", name="Copied")).to_be_visible()
    assert await visited.page.evaluate("navigator.clipboard.readText()") == value
    await visited.page.get_by_role("button", name="Copy all as a zone file").click()
    assert "IN TXT" in await visited.page.evaluate("navigator.clipboard.readText()")


async def test_the_pages_are_for_everybody(console: OpenConsole, shop: Account) -> None:
    domain = f"/console/domains/{shop.sender.partition('@')[2]}"
    await assert_sound(console, "/console/domains/new", domain, f"{domain}/addresses/new")
