"""Routing in a browser: transports made and changed, rules drafted, replayed and applied, and mail that fails over."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.e2e.account import Account, fresh, fresh_word
from tests.e2e.console.conftest import OpenConsole
from tests.fixtures.browser import PHONE, Kind, assert_accessible

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROUTING, RULES = "/console/routing", "/console/routing/rules"
SECONDS = 20_000
HELD = "rules: [{id: stop, when: {tags: [x]}, hold: {reason: not now}}]"


@pytest_asyncio.fixture(loop_scope="module")
async def routed(shop: Account) -> AsyncIterator[Account]:
    """The workspace, without rules and transports of its own before and after."""
    await bare(shop)
    yield shop
    await bare(shop)


async def bare(shop: Account) -> None:
    await shop.http.put("/v1/routes", json={"transports": [], "rules": []})
    for each in (await shop.get("/v1/transports?limit=100"))["data"]:
        if not each["shared"]:
            await shop.http.delete(f"/v1/transports/{each['id']}")


async def add_transport(page: Page, name: str, port: int) -> str:
    """Fills the form in with the keyboard; returns the page that it leads to."""
    await page.goto(ROUTING)
    await page.get_by_role("link", name="Add a transport").click()
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Smart host").fill("127.0.0.1")
    await page.get_by_label("Port").fill(str(port))
    await page.get_by_label("TLS").select_option("opportunistic")
    await page.get_by_label("Port").press("Enter")
    await expect(page.get_by_role("heading", name=name)).to_be_visible()
    return page.url


async def write_rules(page: Page, text: str) -> None:
    await page.goto(RULES)
    await page.get_by_label("Draft").fill(text)
    await page.get_by_role("button", name="Apply", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("The rules are applied")


def rule(tag: str, *ways: str) -> str:
    tiers = "".join(f"  - - transport: {way}\n" for way in ways)
    return f"rules:\n- id: {tag}\n  when: {{tags: [{tag}]}}\n  route:\n{tiers}"


async def test_a_transport_and_a_rule_are_made_and_mail_takes_them(console: OpenConsole, routed: Account) -> None:
    tag = fresh_word()
    page = (await console(ROUTING)).page
    await expect(page.get_by_text("No rules of your own")).to_be_visible()
    await add_transport(page, "Frankfurt", routed.stack.ports["sink_smtp"])
    (before,) = await routed.send(fresh("ok"), tags=[tag])
    await routed.reaches(before, "delivered")
    await page.goto(RULES)
    await page.get_by_label("Draft").fill(rule(tag, "Frankfurt", "direct"))
    await page.get_by_role("button", name="Show what changes").click()
    changes = page.get_by_role("region", name="What it changes")
    await expect(changes.get_by_text("Frankfurt then direct")).to_be_visible()
    await page.get_by_label("Past decisions").select_option("hour")
    await page.get_by_role("button", name="Replay the draft").click()
    await expect(page.get_by_role("heading", name="would have gone otherwise")).to_be_visible(timeout=SECONDS)
    await page.get_by_text("of the messages").click()
    await expect(page.locator(f"a[href='/console/messages/{before}']").first).to_be_visible()
    await page.get_by_role("button", name="Apply", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("The rules are applied")
    await expect(page.get_by_text(f"Mail tagged {tag}")).to_be_visible()
    await expect(page.get_by_text("goes by Frankfurt, else by Direct")).to_be_visible()
    (message,) = await routed.send(fresh("ok"), tags=[tag])
    await routed.reaches(message, "sent")
    row = page.get_by_role("row", name="Frankfurt by the smart host")
    await expect(row.get_by_text("100 %")).to_be_visible(timeout=SECONDS)
    (decision,) = await routed.steps(message, "routed")
    assert decision["rule"] == f"workspace:{tag}"


async def test_a_dead_transport_is_seen_at_a_glance(console: OpenConsole, routed: Account) -> None:
    tag = fresh_word()
    page = (await console(ROUTING)).page
    await add_transport(page, "Dead", 9)
    await write_rules(page, f"order: [Dead, direct]\n{rule(tag, 'Dead', 'direct')}")
    recipient = fresh("ok")
    (message,) = await routed.send(recipient, tags=[tag], stream="billing")
    await routed.reaches(message, "delivered")
    billing = page.locator("#path-billing")
    await expect(billing.get_by_text("Fails over")).to_be_visible(timeout=SECONDS)
    await expect(billing).to_contain_text("failed at the transport itself")
    await expect(page.get_by_text("went another way, as the first one did not take")).to_be_visible(timeout=SECONDS)
    await page.goto("/console")
    await expect(page.get_by_text("failed over in the last hour")).to_be_visible(timeout=SECONDS)


async def test_a_message_is_explained_by_its_url_and_under_a_draft(console: OpenConsole, routed: Account) -> None:
    page = (await console(f"{ROUTING}/explain")).page
    await page.get_by_label("From").fill(routed.sender)
    await page.get_by_label("To", exact=True).fill("ann@some.test")
    await page.get_by_label("Tags").fill("x")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="It goes by “Direct”")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("cell", name="taken")).to_be_visible()
    await page.goto(RULES)
    await page.get_by_label("Draft").fill(HELD)
    await page.get_by_role("button", name="Explain a message under it").click()
    await page.get_by_label("From").fill(routed.sender)
    await page.get_by_label("To", exact=True).fill("ann@some.test")
    await page.get_by_label("Tags").fill("x")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="It is held")).to_be_visible()
    await page.get_by_role("button", name="Back to the draft").click()
    await expect(page.get_by_label("Draft")).to_have_value(HELD)


async def test_faults_of_a_draft_stand_by_their_lines(console: OpenConsole, routed: Account) -> None:
    visited = await console(RULES)
    visited.expect(Kind.CONSOLE, "422")
    page = visited.page
    text = "rules:\n- id: a\n  when: {tgas: [x]}\n  lane: quick\n"
    await page.get_by_label("Draft").fill(text)
    await page.get_by_role("button", name="Apply", exact=True).click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Line 3: rules[0].when.tgas: there is no such field")
    await expect(alert).to_contain_text("Line 4")
    await expect(page.get_by_label("Draft")).to_have_value(text)
    await assert_accessible(page)


async def test_a_transport_is_changed_disabled_left_alone_and_deleted(console: OpenConsole, routed: Account) -> None:
    visited = await console(ROUTING)
    page = visited.page
    url = await add_transport(page, "Berlin", routed.stack.ports["sink_smtp"])
    await page.get_by_role("link", name="Change").click()
    await page.get_by_label("User name").fill("ann")
    await page.get_by_label("Password").fill("hunter2")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("ann, with a password")).to_be_visible()
    assert "hunter2" not in await page.content()
    visited.expect(Kind.DIALOG, "Disable it?")
    await page.get_by_role("button", name="Disable").click()
    await expect(page.get_by_text("Disabled", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Enable").click()
    await expect(page.get_by_text("Works", exact=True)).to_be_visible()
    await page.get_by_text("Leave it alone, or use it again").click()
    await page.get_by_label("Why").fill("maintenance tonight")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Left alone", exact=True)).to_be_visible()
    await expect(page.get_by_text("Maintenance tonight.")).to_be_visible()
    await page.get_by_text("Leave it alone, or use it again").click()
    await page.get_by_label("What", exact=True).select_option("closed")
    await page.get_by_label("Why").fill("over")
    await page.get_by_role("button", name="Set it").click()
    await expect(page.get_by_text("Works", exact=True)).to_be_visible()
    visited.expect(Kind.DIALOG, "That cannot be undone")
    await page.get_by_role("button", name="Delete").click()
    await page.wait_for_url(f"**{ROUTING}")
    id_ = url.rpartition("/")[2]
    assert (await routed.http.get(f"/v1/transports/{id_}")).status_code == 404


async def test_health_is_drawn_and_read_without_script_and_on_a_phone(console: OpenConsole, routed: Account) -> None:
    (message,) = await routed.send(fresh("permfail"))
    await routed.reaches(message, "bounced")
    domain = routed.sender.partition("@")[2]
    paths = [ROUTING, RULES, f"{ROUTING}/explain", f"{ROUTING}/transports/new", f"{ROUTING}/transports/direct",
             f"{ROUTING}/transports/direct?range=week", f"{ROUTING}/domains/{domain}/health"]  # fmt: skip
    plain = (await console(ROUTING, java_script_enabled=False)).page
    for path in paths:
        await plain.goto(path)
        await expect(plain.get_by_role("heading", level=1)).to_be_visible()
    await plain.goto(f"{ROUTING}/transports/direct")
    await plain.get_by_role("link", name="Last 7 days").click()
    await expect(plain.get_by_role("img", name="Attempts in 6 hours")).to_be_visible()
    for scheme in ("light", "dark"):
        phone = (await console(ROUTING, color_scheme=scheme, viewport=PHONE)).page
        for path in paths:
            await phone.goto(path)
            assert await phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
            await assert_accessible(phone)
