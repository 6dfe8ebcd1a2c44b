"""Finding a message, and what its page tells, as a support engineer does."""

from __future__ import annotations

import csv
import io
import os
import subprocess
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from playwright.async_api import expect

from tests.e2e.account import Account, fresh, fresh_word
from tests.e2e.console.conftest import OpenConsole
from tests.fixtures.browser import Kind, Visit
from tests.fixtures.deployment import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_a_customer_says_leads_to_the_message(console: OpenConsole, shop: Account) -> None:
    recipient, word = fresh("ok"), fresh_word()
    (message_id,) = await shop.send(recipient, subject=f"Receipt {word} for your order")
    await shop.reaches(message_id, "delivered")
    page = (await console("/console/messages")).page
    for said in (recipient.upper(), recipient.partition("@")[0], word, message_id):
        await page.keyboard.press("/")
        await page.keyboard.type(said)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**q=*")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.get_by_role("link", name="Clear").click()
        await page.wait_for_url("**/console/messages")
    await page.get_by_role("searchbox").fill(word)
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name=recipient).click()
    await expect(page.get_by_role("heading", name=f"Receipt {word}")).to_be_visible()
    await expect(page.get_by_text("Delivered", exact=True)).to_be_visible()


async def test_filters_stay_through_reload_and_the_way_back(console: OpenConsole, shop: Account) -> None:
    tag = fresh_word()
    bounced, delivered = fresh("permfail"), fresh("ok")
    for recipient, status in ((bounced, "bounced"), (delivered, "delivered")):
        (message_id,) = await shop.send(recipient, tags=[tag])
        await shop.reaches(message_id, status)
    page = (await console(f"/console/messages?tag={tag}&status=bounced")).page
    await expect(page.get_by_label("Status")).to_have_value("bounced")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_role("link", name=bounced).click()
    await expect(page.get_by_text("There is no such mailbox.")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_label("Tag")).to_have_value(tag)
    await page.reload()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_label("Status").select_option("")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("tbody tr")).to_have_count(2)


async def test_new_messages_appear_by_themselves(console: OpenConsole, shop: Account) -> None:
    tag = fresh_word()
    page = (await console(f"/console/messages?tag={tag}")).page
    await expect(page.get_by_text("Nothing found")).to_be_visible()
    (message_id,) = await shop.send(fresh("defer-once"), tags=[tag])
    row = page.locator(f"#m-{message_id}")
    await expect(row).to_be_visible(timeout=20_000)
    await expect(row.get_by_text("delivered")).to_be_visible(timeout=20_000)


async def test_older_messages_are_a_page_away_and_all_are_exported(console: OpenConsole, shop: Account) -> None:
    tag = fresh_word()
    sent = [id_ for _ in range(3) for id_ in await shop.send(*(fresh("ok") for _ in range(20)), tags=[tag])]
    for message_id in sent:
        await shop.reaches(message_id, "delivered")
    page = (await console(f"/console/messages?tag={tag}")).page
    await expect(page.locator("tbody tr")).to_have_count(50)
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Export CSV").click()
    text = (await (await started.value).path()).read_text()
    assert {row["uuid"] for row in csv.DictReader(io.StringIO(text))} == set(sent)
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator("tbody tr")).to_have_count(10)
    await page.get_by_role("link", name="Newest").click()
    await expect(page.locator("tbody tr")).to_have_count(50)


async def test_a_message_tells_its_life_while_it_happens(console: OpenConsole, shop: Account) -> None:
    name, _ = await shop.hook("email.delivered")
    (message_id,) = await shop.send(fresh("defer-once"), text="Your code is 1", html="<p>Your code is <b>1</b></p>")
    page = (await console(f"/console/messages/{message_id}")).page
    timeline = page.locator("ol.timeline")
    await expect(timeline.get_by_text("Attempt 1: deferred")).to_be_visible(timeout=20_000)
    await expect(timeline.get_by_text("Attempt 2: delivered")).to_be_visible(timeout=20_000)
    await expect(timeline.locator("h3", has_text=f"hooks/{name} told")).to_be_visible(timeout=20_000)
    attempt = timeline.locator("li", has_text="Attempt 2: delivered")
    await attempt.get_by_text("Details").click()
    await expect(attempt.get_by_label("Transcript")).to_contain_text("RCPT TO")
    routed = timeline.locator("li", has_text="Route chosen").first
    await routed.get_by_text("Details").click()
    await expect(routed.get_by_role("cell", name="taken")).to_be_visible()
    await expect(page.frame_locator("iframe").get_by_text("Your code is 1")).to_be_visible()
    for view, words in (("Text", "Your code is 1"), ("Source", "<b>1</b>"), ("Headers", "Subject")):
        await page.get_by_role("link", name=view, exact=True).click()
        await expect(page.locator("#content")).to_contain_text(words)


async def test_a_scheduled_message_is_canceled_and_a_sent_one_is_sent_again(
    console: OpenConsole, shop: Account
) -> None:
    (scheduled,) = await shop.send(fresh("ok"), scheduled_at=(datetime.now(UTC) + timedelta(days=2)).isoformat())
    visited = await console(f"/console/messages/{scheduled}")
    visited.refuse("Cancel this message?")
    await visited.page.get_by_role("button", name="Cancel").click()
    assert (await shop.email(scheduled))["status"] == "scheduled"
    (sent,) = await shop.send(fresh("ok"), subject="Once more")
    await shop.reaches(sent, "delivered")
    other = await console(f"/console/messages/{scheduled}")
    other.expect(Kind.DIALOG, "Cancel this message?")
    await other.page.get_by_role("button", name="Cancel").click()
    await expect(other.page.get_by_role("status")).to_contain_text("it will not be sent")
    await shop.reaches(scheduled, "canceled")
    third = await console(f"/console/messages/{sent}")
    third.expect(Kind.DIALOG, "Send this message again")
    await third.page.get_by_role("button", name="Send again").click()
    await expect(third.page.get_by_role("status")).to_contain_text("Sent again")
    again = third.page.url.rpartition("/")[2]
    assert (await shop.reaches(again, "delivered"))["resend_of"] == sent


async def test_a_message_as_curl_sends_it_again(console: OpenConsole, shop: Account) -> None:
    recipient = fresh("ok")
    (sent,) = await shop.send(recipient, subject='It\'s "quoted" – 50 % off', text="a\nb'c", tags=["x"])
    visited = await console(f"/console/messages/{sent}")
    await visited.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await visited.page.get_by_role("button", name="Copy as curl").click()
    await expect(visited.page.get_by_role("button", name="Copied")).to_be_visible()
    command = await visited.page.evaluate("navigator.clipboard.readText()")
    done = run_shell(command, shop)
    assert '"status":"accepted"' in done or '"messages"' in done, done

    async def both() -> list[str]:
        found = (await shop.get(f"/v1/emails?recipient={quote(recipient)}"))["data"]
        return [one["subject"] for one in found] if len(found) == 2 else []

    assert await eventually(both, what="the second message") == ['It\'s "quoted" – 50 % off'] * 2


def run_shell(command: str, shop: Account) -> str:
    environ = {**os.environ, "POSTHORN_API_KEY": shop.home["api_key"]}
    return subprocess.run(["bash", "-c", command], env=environ, capture_output=True, text=True, check=True).stdout


async def test_it_can_be_read_without_script(console: OpenConsole, shop: Account) -> None:
    recipient = fresh("permfail")
    (message_id,) = await shop.send(recipient, text="Your code is 1")
    await shop.reaches(message_id, "bounced")
    visited: Visit = await console("/console/messages", java_script_enabled=False)
    page = visited.page
    await page.get_by_role("searchbox").fill(recipient)
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name=recipient).click()
    await expect(page.get_by_text("There is no such mailbox.")).to_be_visible()
    await page.get_by_role("link", name="Show what it says").click()
    await page.get_by_role("link", name="Text", exact=True).click()
    await expect(page.get_by_text("Your code is 1")).to_be_visible()
