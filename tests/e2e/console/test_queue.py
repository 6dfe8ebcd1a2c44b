"""The queue as who is on call sees it: what waits and why, and each thing that can be done about it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.e2e.account import Account, fresh
from tests.e2e.console.conftest import OpenConsole
from tests.fixtures.browser import PHONE, Kind, Options, assert_accessible
from tests.fixtures.deployment import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
TABS = ("/console/queue", "/console/queue/destinations", "/console/queue/holds", "/console/queue/jobs")


@pytest_asyncio.fixture(loop_scope="module")
async def domain(shop: Account) -> AsyncIterator[str]:
    """A domain whose mail is held, however it would go; nothing of it waits afterwards."""
    name = f"d{secrets.token_hex(4)}.example"
    await ask(shop, "hold", domain=name, reason="held by the test")
    yield name
    await ask(shop, "bounce", domain=name, reason="the test is over")
    await ask(shop, "release", domain=name)


async def ask(shop: Account, action: str, **body: str) -> None:
    """Has something done with the queue, and waits for its end."""
    reply = await shop.http.post(f"/v1/queue/{action}", json=body)
    assert reply.status_code == 202, reply.text

    async def ended() -> bool:
        return bool((await shop.get(f"/v1/queue/jobs/{reply.json()['id']}"))["state"] == "done")

    await eventually(ended, seconds=60, what=f"the end of {action}")


async def held(shop: Account, *recipients: str) -> list[str]:
    """Sends messages that a hold holds, and waits until it does."""
    ids = [id_ for recipient in recipients for id_ in await shop.send(recipient)]
    for id_ in ids:
        await shop.reaches(id_, "queued")
    return ids


async def is_taken(page: Page, action: str) -> None:
    """The page after a form, with what came of it so far."""
    await expect(page.get_by_role("status")).to_contain_text(f"{action}: ", timeout=20_000)


async def is_done(page: Page, action: str, *words: str) -> None:
    """What was done last, by its list: on a busy machine that takes longer than a form waits for it."""
    await is_taken(page, action)
    await page.goto("/console/queue/jobs")
    newest = page.locator("tbody tr[id^=j-]").first
    for said in ("done", action, *words):
        await expect(newest).to_contain_text(said, timeout=20_000)


async def test_what_waits_appears_by_itself_and_what_is_ticked_stays_ticked(
    console: OpenConsole, shop: Account, domain: str
) -> None:
    (first,) = await held(shop, f"ok+first@{domain}")
    page = (await console(f"/console/queue?domain={domain}")).page
    await expect(page.locator(f"#m-{first}").get_by_text("held by the test")).to_be_visible()
    await expect(page.get_by_role("region", name="Standard lane").get_by_text("is held in part")).to_be_visible()
    await page.locator(f"#t-{first}").check()
    (second,) = await held(shop, f"ok+second@{domain}")
    await expect(page.locator(f"#m-{second}")).to_be_visible(timeout=20_000)
    await expect(page.locator(f"#t-{first}")).to_be_checked()
    await page.get_by_label("Recipient", exact=True).fill(f"OK+second@{domain}")
    await page.keyboard.press("Enter")
    await expect(page.locator("tbody tr[id^=m-]")).to_have_count(1)
    await page.get_by_role("link", name=f"ok+second@{domain}").click()
    await page.wait_for_url(f"**/console/messages/{second}")


async def test_a_hold_is_made_with_the_keyboard_seen_and_lifted(console: OpenConsole, shop: Account) -> None:
    name = f"d{secrets.token_hex(4)}.example"
    visited = await console("/console/queue")
    visited.expect(Kind.CONSOLE, "422")  # the page that comes back with its faults
    page = visited.page
    await page.get_by_role("link", name="Hold mail").focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Recipients' domain").fill(name)
    await page.get_by_role("button", name="Count first").click()
    await expect(page.get_by_text(f"changes nothing (all mail to {name})")).to_be_visible()
    await page.get_by_label("Reason").fill("their hosts are <down>")
    await page.get_by_label("Until").fill(f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M}")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("must lie in the future")).to_be_visible()
    await expect(page.get_by_label("Reason")).to_have_value("their hosts are <down>")
    await page.get_by_label("Until").fill(f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    await page.keyboard.press("Enter")
    await is_done(page, "Hold", f"all mail to {name}")
    (message_id,) = await held(shop, f"ok+held@{name}")
    await page.get_by_role("link", name="Holds", exact=True).click()
    row = page.locator("tbody tr[id^=h-]", has_text=name)
    await expect(row).to_contain_text("their hosts are <down>")
    await row.get_by_role("link", name="Messages").click()
    await expect(page.locator(f"#m-{message_id}")).to_be_visible()
    await page.get_by_role("link", name="Its hold").click()
    await row.get_by_role("button", name="Release").click()
    await is_done(page, "Release", "1")
    await shop.reaches(message_id, "delivered")


async def test_ticked_messages_are_released_and_bounced(console: OpenConsole, shop: Account, domain: str) -> None:
    ends, stays = await held(shop, f"ok+ends@{domain}", f"ok+stays@{domain}")
    visited = await console(f"/console/queue?domain={domain}")
    page = visited.page
    await page.locator(f"#t-{ends}").check()
    await page.get_by_role("button", name="Bounce").click()
    await expect(page.get_by_text(f"ok+ends@{domain}")).to_be_visible()
    await page.get_by_label("Reason").fill("sent by mistake")
    visited.expect(Kind.DIALOG, "This cannot be undone.")
    await page.get_by_role("button", name="Bounce").click()
    await is_taken(page, "Bounce")
    await shop.reaches(ends, "failed")
    await expect(page.locator(f"#m-{stays}")).to_be_visible()
    await page.locator(f"#t-{stays}").check()
    await page.get_by_role("button", name="Release").click()
    await page.get_by_role("button", name="Release").click()
    await is_done(page, "Release", "1 under a wider hold")


async def test_a_deferred_message_is_tried_now_from_its_row_and_from_its_own_page(
    console: OpenConsole, shop: Account
) -> None:
    recipient = fresh("mailbox-full")
    (message_id,) = await shop.send(recipient)
    await shop.reaches(message_id, "deferred")

    async def tried(times: int) -> None:
        async def so_often() -> bool:
            return bool((await shop.email(message_id))["attempts"] >= times)

        await eventually(so_often, seconds=30, what=f"attempt {times}")
        await shop.reaches(message_id, "deferred")

    page = (await console(f"/console/queue?recipient={quote(recipient)}")).page
    await page.locator(f"#m-{message_id}").get_by_role("button", name="Retry now").click()
    await is_taken(page, "Retry now")
    await expect(page.get_by_label("Recipient", exact=True)).to_have_value(recipient)
    await tried(2)
    await page.goto(f"/console/messages/{message_id}")
    await page.get_by_role("button", name="Retry now").click()
    await is_taken(page, "Retry now")
    assert page.url.endswith(f"/console/messages/{message_id}")
    await tried(3)


async def test_mail_is_sent_another_way_and_what_a_filter_selects_is_acted_on(
    console: OpenConsole, shop: Account, domain: str
) -> None:
    (message_id,) = await held(shop, f"ok+way@{domain}")
    page = (await console(f"/console/queue/act?action=reroute&messages={message_id}")).page
    await expect(page.get_by_label("Transport to take")).to_have_value("")
    await page.get_by_role("button", name="Reroute").click()
    await is_done(page, "Reroute", "1 message")
    await page.goto(f"/console/queue?domain={domain}")
    await page.get_by_role("link", name="Act on all of these").click()
    await expect(page.get_by_label("Recipients' domain")).to_have_value(domain)
    await page.get_by_role("button", name="Retry now").click()
    await is_taken(page, "Retry now")
    await expect(page.get_by_label("Recipients' domain")).to_have_value(domain)


async def test_the_overview_has_the_queue_in_a_pane(console: OpenConsole) -> None:
    page = (await console("/console")).page
    pane = page.get_by_role("region", name="Queue")
    await expect(pane.get_by_role("link", name="Password reset and OTP traffic")).to_be_visible(timeout=20_000)
    await pane.get_by_role("link", name="Billing and product mail").click()
    await page.wait_for_url("**/console/queue?lane=standard")


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=["light", "dark", "phone"])
async def test_every_page_can_be_used_by_everybody(
    console: OpenConsole, shop: Account, domain: str, options: Options
) -> None:
    (message_id,) = await held(shop, f"ok+look@{domain}")
    page = (await console("/console/queue", **options)).page
    acts = [f"/console/queue/act?action={action}&domain={domain}" for action in ("retry", "hold", "reroute", "bounce")]
    for path in (*TABS, *acts, f"/console/queue/act?action=release&messages={message_id}"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        await assert_accessible(page)


async def test_it_can_be_read_and_acted_on_without_script(console: OpenConsole, shop: Account, domain: str) -> None:
    (message_id,) = await held(shop, f"ok+plain@{domain}")
    page = (await console(f"/console/queue?domain={domain}", java_script_enabled=False)).page
    await page.locator(f"#t-{message_id}").check()
    await page.get_by_role("button", name="Bounce").click()
    await page.get_by_label("Reason").fill("sent by mistake")
    await page.get_by_role("button", name="Bounce").click()
    await is_taken(page, "Bounce")
    await shop.reaches(message_id, "failed")
