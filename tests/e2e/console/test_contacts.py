"""Contacts by mouse and keyboard."""

from __future__ import annotations

import secrets

import pytest
from playwright.async_api import expect

from tests.e2e.account import Account
from tests.e2e.console.conftest import OpenConsole
from tests.e2e.console.looks import assert_sound
from tests.fixtures.browser import Kind

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_contact_is_added_found_changed_unsubscribed_and_deleted(console: OpenConsole, shop: Account) -> None:
    address = f"{secrets.token_hex(6)}@example.test"
    visited = await console("/console/contacts")
    page = visited.page
    await page.keyboard.press("/")
    await page.keyboard.type(address)
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Add it as a contact").click()
    await expect(page.get_by_label("Address")).to_have_value(address)
    await page.get_by_label("Name", exact=True).fill("age")
    await page.get_by_label("Value").fill("33")
    await page.get_by_label("It is").select_option("number")
    await page.get_by_role("button", name="Add the contact").click()
    await expect(page.get_by_role("heading", name=address)).to_be_visible()
    await page.get_by_label("age").fill("34")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved.")
    assert (await shop.get(f"/v1/contacts/{address}"))["data"]["attributes"]["age"] == 34
    visited.expect(Kind.CONSOLE, "422")
    await page.get_by_label("Address").fill("nobody")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("one field needs another value")
    await page.goto(f"/console/contacts?q={address}")
    await page.get_by_role("link", name=address).click()
    await page.get_by_role("button", name="Unsubscribe").click()
    await expect(page.get_by_role("status")).to_contain_text("Unsubscribed")
    assert (await shop.get(f"/v1/contacts/{address}"))["data"]["subscribed"] is False
    visited.expect(Kind.DIALOG, "They have to have asked for it")
    await page.get_by_role("button", name="Subscribe", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("Subscribed")
    visited.expect(Kind.DIALOG, f"Delete the contact {address}")
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("status")).to_contain_text(f"Deleted {address}")


async def test_the_pages_are_for_everybody(console: OpenConsole, shop: Account) -> None:
    address = f"{secrets.token_hex(6)}@example.test"
    attributes = {"email": address, "note": "A" * 900, "vip": True}
    made = (await shop.make("/v1/contacts", attributes=attributes))["data"]["uuid"]
    reply = await shop.http.post(f"/v1/contacts/{made}/events", json={"event_name": "B" * 190, "attributes": {"a": 1}})
    assert reply.status_code == 204
    await assert_sound(console, "/console/contacts", "/console/contacts/new", f"/console/contacts/{made}")
