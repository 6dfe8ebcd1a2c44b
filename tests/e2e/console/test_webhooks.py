"""Webhooks as a developer has them: an endpoint, its secret, what was posted, and posting it again."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from standardwebhooks import Webhook

from tests.e2e.account import Account, fresh
from tests.e2e.console.conftest import OpenConsole
from tests.fixtures.browser import PHONE, Kind, assert_accessible
from tests.fixtures.deployment import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/console/webhooks"
MakeEndpoint = Callable[..., Awaitable[str]]
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")
QUIET = ["email.unsubscribed"]
"""What no other test causes: the first posts that fail are the test's own."""


def a_url(shop: Account, path: str = "") -> tuple[str, str]:
    """A name at the receiver, and a URL that leads there."""
    name = f"hook-{secrets.token_hex(4)}"
    return name, f"{shop.home['receiver_url']}/hooks/{name}{path}"


@pytest_asyncio.fixture(loop_scope="module")
async def endpoint(shop: Account) -> AsyncIterator[MakeEndpoint]:
    """`await endpoint(path="", **fields)` adds one at the receiver and returns its page. Deleted at the end, or every
    message of the workspace would be posted to them: ask for it before `console`, so that no page is open then."""
    made: list[str] = []

    async def make(path: str = "", **fields: Any) -> str:
        made.append((await shop.make("/v1/webhooks", **{"url": a_url(shop, path)[1], **fields}))["id"])
        return f"{PATH}/{made[-1]}"

    yield make
    for id_ in made:
        await shop.http.delete(f"/v1/webhooks/{id_}")


async def received(shop: Account, name: str) -> dict[str, Any]:
    async def there() -> list[dict[str, Any]]:
        return list((await shop.receiver.get("/received", params={"name": name})).json())

    return (await eventually(there))[0]


async def has_ended(shop: Account, path: str, message_id: str) -> None:
    """A post is noted after the receiver has had it, and only what has ended is posted again."""

    async def ended() -> bool:
        deliveries = f"/v1/webhooks/{path.rpartition('/')[2]}/deliveries?message={message_id}"
        return [each["state"] for each in (await shop.get(deliveries))["data"]] == ["succeeded"]

    await eventually(ended, what="the delivery's end")


async def test_an_endpoint_is_added_and_its_secret_verifies_the_test(console: OpenConsole, shop: Account) -> None:
    visited = await console(PATH)
    page = visited.page
    await page.get_by_role("link", name="Add an endpoint").first.click()
    await page.get_by_label("URL").fill("ftp://nothing")
    await page.get_by_label("Name").fill("Orders")
    await page.get_by_label("email.bounced").check()
    visited.expect(Kind.CONSOLE, "422")
    await page.get_by_label("Name").press("Enter")
    await expect(page.get_by_text("must be an absolute https URL")).to_be_visible()
    await expect(page.get_by_label("email.bounced")).to_be_checked()
    name, url = a_url(shop)
    await page.get_by_label("URL").fill(url)
    await page.get_by_role("button", name="Add the endpoint").click()
    await expect(page.get_by_role("heading", name="Endpoint added")).to_be_visible()
    await visited.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy the secret").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    secret = await page.evaluate("navigator.clipboard.readText()")
    await page.get_by_text("Node", exact=True).click()
    await expect(page.get_by_label("Node code", exact=True)).to_be_visible()
    await assert_accessible(page)
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_role("status")).to_contain_text("The test was taken: HTTP 200")
    await expect(page.get_by_text('"webhook.test"')).to_be_visible()
    got = await received(shop, name)
    assert Webhook(secret).verify(got["body"], got["headers"]) == got["json"]
    await page.get_by_role("link", name="Orders").click()
    await expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    assert not SECRET.search(await page.content())
    id_ = page.url.rpartition("/")[2]
    await page.goto(PATH)
    await shop.http.delete(f"/v1/webhooks/{id_}")


async def test_deliveries_appear_by_themselves_and_lead_to_their_message(
    endpoint: MakeEndpoint, console: OpenConsole, shop: Account
) -> None:
    path = await endpoint(events=["email.delivered", "email.bounced"])
    page = (await console(path)).page
    await expect(page.get_by_text("No deliveries yet")).to_be_visible()
    recipient = fresh("ok")
    (message_id,) = await shop.send(recipient)
    row = page.locator("#deliveries tbody tr", has_text=message_id)
    await expect(row.get_by_text("succeeded")).to_be_visible(timeout=20_000)
    await expect(page.get_by_text("Well", exact=True)).to_be_visible(timeout=20_000)
    await page.get_by_label("Event").select_option("email.bounced")
    await page.get_by_role("button", name="Show").click()
    await page.wait_for_url("**event=email.bounced**")
    await expect(page.get_by_text("Nothing found")).to_be_visible()
    await page.get_by_role("link", name="Clear").click()
    await row.get_by_role("link", name="email.delivered").click()
    await expect(page.get_by_text(recipient)).to_be_visible()
    await page.get_by_role("link", name="the message it is about").click()
    await page.wait_for_url(f"**/console/messages/{message_id}")


async def test_one_that_fails_says_why_and_is_retried(endpoint: MakeEndpoint, console: OpenConsole) -> None:
    path = await endpoint("/fail-first/5", name="Ledger", events=QUIET)
    visited = await console(path)
    page = visited.page
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_role("status")).to_contain_text("not taken: HTTP 503")
    await expect(page.get_by_text("Given up after 5 attempts")).to_be_visible(timeout=30_000)
    await expect(page.get_by_text("Attempt 5: HTTP 503")).to_be_visible()
    delivery = page.url
    await page.goto(PATH)
    await expect(page.locator("#endpoints tr", has_text="Ledger").get_by_text("Failing since")).to_be_visible()
    await page.goto(path)
    await expect(page.get_by_text("an error of its own")).to_be_visible()
    visited.expect(Kind.DIALOG, "Post again what was given up")
    await page.get_by_role("button", name="Retry failed").click()
    await expect(page.get_by_text("Replay of what failed")).to_be_visible()
    await expect(page.get_by_text("done", exact=True)).to_be_visible(timeout=20_000)
    await page.goto(delivery)
    await expect(page.get_by_text("Taken", exact=True)).to_be_visible(timeout=20_000)


async def test_a_row_is_retried_and_the_filters_stay(endpoint: MakeEndpoint, console: OpenConsole) -> None:
    path = await endpoint("/fail-first/5", events=QUIET)
    page = (await console(path)).page
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_text("Given up after 5 attempts")).to_be_visible(timeout=30_000)
    await page.goto(f"{path}?event=webhook.test")
    await page.get_by_role("button", name="Retry", exact=True).press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("due now")
    assert page.url.endswith("?event=webhook.test")
    await expect(page.locator("#deliveries").get_by_text("succeeded")).to_be_visible(timeout=20_000)


async def test_events_are_replayed_and_filled_in_afterwards(
    endpoint: MakeEndpoint, console: OpenConsole, shop: Account
) -> None:
    (message_id,) = await shop.send(fresh("ok"))
    await shop.reaches(message_id, "delivered")
    name, url = a_url(shop)
    path = await endpoint(url=url, events=["email.canceled"])
    visited = await console(path)
    page = visited.page
    await page.get_by_role("link", name="Post again").click()
    await page.get_by_role("link", name="Back-fill from a date").click()
    await page.get_by_label("email.delivered").check()
    lately = datetime.now(UTC) - timedelta(minutes=1)  # the workspace's other tests have sent much before
    await page.get_by_label("Events that occurred from (UTC)").fill(f"{lately:%Y-%m-%dT%H:%M}")
    await page.get_by_role("button", name="Begin the back-fill").click()
    await expect(page.get_by_role("status")).to_contain_text("The back-fill has begun")
    backfill = page.locator("#tasks tbody tr", has_text="Back-fill")
    await expect(backfill).to_contain_text(re.compile(r"[1-9]\d* posted"), timeout=20_000)
    await shop.hooked(name, 1, message_id)
    await has_ended(shop, path, message_id)
    await page.get_by_role("link", name="Replay a time range").click()
    await page.get_by_label("Which of them").select_option("all")
    await page.get_by_role("button", name="Begin the replay").click()
    await expect(page.locator("#tasks tbody tr", has_text="Replay").get_by_text("done")).to_be_visible(timeout=20_000)
    await shop.hooked(name, 2, message_id)
    visited.expect(Kind.DIALOG, "Cancel it?")
    await backfill.get_by_role("button", name="Cancel").click()  # a back-fill waits a minute for what is late
    await expect(page.locator("#tasks").get_by_text("canceled")).to_be_visible()


async def test_the_secret_is_rotated_and_the_settings_change(endpoint: MakeEndpoint, console: OpenConsole) -> None:
    path = await endpoint()
    visited = await console(path)
    page = visited.page
    await page.get_by_role("link", name="Signing").click()
    await page.get_by_label("Hours that the old one signs too").fill("1")
    visited.expect(Kind.DIALOG, "Give this endpoint another secret?")
    await page.get_by_role("button", name="Rotate").click()
    await expect(page.get_by_text("Each post has the signatures of both until")).to_be_visible()
    assert SECRET.search(await page.content())
    await page.get_by_role("link", name="To the endpoint").click()
    await page.get_by_role("link", name="Settings").click()
    await page.get_by_label("Name").fill("Renamed")
    await page.get_by_text("A request of your own").click()
    await page.get_by_label("Headers").fill("x-kind: {{type}}")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_contain_text("Saved.")
    await expect(page.get_by_role("heading", name="Renamed")).to_be_visible()
    await expect(page.get_by_label("Headers")).to_have_value("x-kind: {{type}}")
    await _switched_and_deleted(visited, page)


async def _switched_and_deleted(visited: Any, page: Page) -> None:
    visited.expect(Kind.DIALOG, "Disable this endpoint?")
    await page.get_by_role("button", name="Disable").click()
    await expect(page.get_by_text("Somebody of this workspace disabled it")).to_be_visible()
    await page.get_by_role("button", name="Enable").click()
    await expect(page.get_by_role("status")).to_contain_text("Enabled")
    await page.get_by_role("link", name="Settings").click()
    visited.expect(Kind.DIALOG, "Delete this endpoint?")
    await page.get_by_role("button", name="Delete").click()
    await page.wait_for_url(f"**{PATH}")
    await expect(page.get_by_role("status")).to_contain_text("deleted")


@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": PHONE}, {"java_script_enabled": False}],
    ids=["light", "dark", "phone", "no script"],
)
async def test_every_page_is_for_everybody(
    endpoint: MakeEndpoint, console: OpenConsole, shop: Account, options: dict[str, Any]
) -> None:
    hostile = "\u202e<script>alert(1)</script>" + "x" * 70
    path = await endpoint("/status/500", name=hostile)
    test = (await shop.http.post(f"/v1/webhooks/{path.rpartition('/')[2]}/test", params={"wait": 10})).json()
    page = (await console(PATH, **options)).page
    below = ("", f"/deliveries/{test['id']}", "/tasks", "/replay", "/backfill", "/signing", "/settings")
    for each in (PATH, f"{PATH}/new", *(f"{path}{part}" for part in below)):
        reply = await page.goto(each)
        assert reply is not None
        assert reply.status == 200, each
        if options.get("java_script_enabled", True):
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), each
            await assert_accessible(page)
    await page.goto(path)
    await expect(page.get_by_text("Failing since")).to_be_visible()
