"""Every page of the menu: without grave faults for who sees, hears or types differently, and on a phone."""

from __future__ import annotations

from itertools import chain

import pytest
from playwright.async_api import expect

from shared.console.navigation import MENU
from tests.e2e.account import Account, fresh
from tests.e2e.console.conftest import OpenConsole, sign_in
from tests.fixtures.browser import PHONE, Kind, OpenVisit, assert_accessible

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATHS = [entry.path for entry in chain.from_iterable(group.entries for group in MENU)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_has_a_grave_fault(console: OpenConsole, shop: Account, scheme: str) -> None:
    (message_id,) = await shop.send(fresh("permfail"))
    await shop.reaches(message_id, "bounced")
    page = (await console(color_scheme=scheme)).page
    for path in [*PATHS, f"/console/messages/{message_id}", f"/console/messages/{message_id}/content?view=headers"]:
        reply = await page.goto(path)
        assert reply is not None
        assert reply.status == 200, path
        await assert_accessible(page)


async def test_no_page_is_wider_than_a_phone(console: OpenConsole, shop: Account) -> None:
    (message_id,) = await shop.send(fresh("permfail"))
    await shop.reaches(message_id, "bounced")
    page = (await console(viewport=PHONE)).page
    for path in [*PATHS, f"/console/messages/{message_id}"]:
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        await assert_accessible(page)
    await page.get_by_label("Menu").click()
    await page.get_by_role("navigation", name="Console").get_by_role("link", name="Messages").click()
    await expect(page.get_by_role("heading", name="Messages")).to_be_visible()


async def test_the_menu_is_walked_with_the_keyboard(console: OpenConsole) -> None:
    page = (await console()).page
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the page")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.get_by_role("link", name="Queue", exact=True).focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/queue")


async def test_the_theme_that_was_chosen_stays(console: OpenConsole) -> None:
    page = (await console("/console/messages")).page
    await page.get_by_role("button", name="Dark theme").click()
    await page.wait_for_url("**/console/messages")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.goto("/console/start")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.get_by_role("button", name="Light theme").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")


async def test_signing_out_closes_the_console(console: OpenConsole, visit: OpenVisit, shop: Account) -> None:
    page = (await console("/console/messages")).page
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/console/sign-in")
    await page.go_back()
    await page.wait_for_url("**/console/sign-in**")
    strangers = await visit(shop.stack.http_url)
    strangers.expect(Kind.CONSOLE, "401")
    stranger = strangers.page
    await stranger.goto("/console/sign-in")
    await assert_accessible(stranger)
    await stranger.get_by_label("API key").fill("ph_live_nonsense")
    await stranger.get_by_role("button", name="Sign in").click()
    await expect(stranger.get_by_text("not valid")).to_be_visible()
    await sign_in(stranger, shop.home["api_key"], "/console/messages?status=bounced")
