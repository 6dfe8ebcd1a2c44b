"""The overview on a running stack: the three panes of a send console, and that they live."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.e2e.account import Account, fresh
from tests.e2e.console.conftest import OpenConsole

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def accepted(page: Page) -> int:
    figure = page.locator("a", has_text="accepted").locator(".figure")
    return int((await figure.inner_text()).replace("\N{THIN SPACE}", ""))


async def test_the_overview_has_the_three_panes_and_they_are_live(console: OpenConsole, shop: Account) -> None:
    page = (await console("/console")).page
    for pane in ("Queue", "Routing", "Events", "Webhooks"):
        await expect(page.get_by_role("heading", name=pane, exact=True)).to_be_visible()
    before = await accepted(page)
    sent = [id_ for _ in range(3) for id_ in await shop.send(fresh("ok"), stream="authentication")]
    for message_id in sent:
        await shop.reaches(message_id, "delivered")
    figure = page.locator("a", has_text="accepted").locator(".figure")
    await expect(figure).not_to_have_text(str(before), timeout=20_000)
    await expect(page.get_by_role("heading", name="Password resets and one-time codes")).to_be_visible()
    critical = page.locator("section", has_text="Password resets")
    await expect(critical).to_contain_text("first attempts began within 5.0 s in the last hour")


async def test_what_needs_attention_leads_to_where_it_is_shown(console: OpenConsole, shop: Account) -> None:
    page = (await console("/console")).page
    await page.locator("a.saying").first.click()
    await page.wait_for_url("**/console/*")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
