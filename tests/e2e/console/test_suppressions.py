"""Who gets no mail and why, letting mail go again, files in and out, and erasing a person, as people do it."""

from __future__ import annotations

import csv
import io
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from playwright.async_api import Download, Page, expect

from tests.e2e.account import Account, fresh
from tests.e2e.console.conftest import OpenConsole
from tests.fixtures.browser import PHONE, assert_accessible
from tests.fixtures.deployment import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = "/console/suppressions"


async def bounced(shop: Account) -> tuple[str, str]:
    """An address that mail has bounced from, and the message's id, once the address is suppressed."""
    recipient = fresh("permfail")
    (message_id,) = await shop.send(recipient)

    async def suppressed() -> bool:
        return (await shop.http.get(f"/v1/suppressions/{quote(recipient)}")).status_code == 200

    await eventually(suppressed, seconds=30, what="the bounce to be learned")
    return recipient, message_id


async def taken(page: Page, link: str) -> Download:
    async with page.expect_download() as started:
        await page.get_by_role("link", name=link).click()
    return await started.value


async def text_of(download: Download) -> str:
    return (await download.path()).read_text()


async def test_why_an_address_gets_no_mail_is_found_and_mail_goes_to_it_again(
    console: OpenConsole, shop: Account
) -> None:
    recipient, message_id = await bounced(shop)
    page = (await console(PAGE)).page
    await page.keyboard.press("/")
    await page.keyboard.type(recipient)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(f"No mail goes to {recipient}")).to_be_visible()
    await page.get_by_role("link", name="Why, and remove it").click()
    await expect(page.get_by_role("heading", level=1, name=recipient)).to_be_visible()
    await expect(page.get_by_text("there is no such mailbox. The host said")).to_be_visible()
    await expect(page.get_by_role("link", name=message_id)).to_be_visible()
    await page.get_by_label("Why it is removed").fill("has a new mailbox")
    await page.get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("status")).to_contain_text("Mail goes to the address again")
    await expect(page.get_by_role("heading", level=1, name="Removed suppression")).to_be_visible()
    await page.goto(f"{PAGE}/removals?email={quote(recipient)}")
    await expect(page.get_by_role("cell", name="has a new mailbox")).to_be_visible()
    await page.goto(f"{PAGE}?search={quote(recipient)}")
    await expect(page.get_by_text(f"Mail goes to {recipient}")).to_be_visible()


async def test_an_address_is_suppressed_from_a_message_to_it(console: OpenConsole, shop: Account) -> None:
    recipient = fresh("ok")
    (message_id,) = await shop.send(recipient)
    page = (await console(f"/console/messages/{message_id}")).page
    await page.get_by_role("link", name="Suppress", exact=True).click()
    await expect(page.get_by_label("Address")).to_have_value(recipient)
    await page.get_by_label("Why", exact=True).select_option("unsubscribe")
    await page.get_by_label("Note").fill("asked by phone")
    await page.get_by_label("What it stops").select_option("stream:product")
    await page.get_by_role("button", name="Suppress").click()
    await expect(page.get_by_role("status")).to_contain_text("Suppressed.")
    await expect(page.locator("main")).to_contain_text("Mail of the stream product")
    await page.goto(f"{PAGE}?search={quote(recipient)}&scope=stream")
    await expect(page.get_by_text(f"Some mail does not go to {recipient}")).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.reload()
    await expect(page.get_by_label("Stops")).to_have_value("stream")


async def test_a_file_is_imported_while_its_page_shows_how_far_it_is(
    console: OpenConsole, shop: Account, tmp_path: Path
) -> None:
    domain = f"{secrets.token_hex(4)}.example"
    rows = [f"u{number}@{domain},manual,moved" for number in range(20_000)]
    file = tmp_path / "list.csv"
    file.write_text("\n".join(["email,type,reason", *rows[:10_000], "no address,,", *rows[10_000:]]))
    page = (await console(f"{PAGE}/imports")).page
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Import").click()
    await expect(page.get_by_text("Importing:")).to_be_visible()
    await expect(page.get_by_role("progressbar")).to_be_visible()
    await page.wait_for_url("**/imports/*", timeout=120_000)
    await expect(page.get_by_text("Imported, but for the faulty lines")).to_be_visible()
    await expect(page.get_by_role("row", name="10002")).to_contain_text("not a valid e-mail address")
    await page.goto(f"{PAGE}?search={domain}")
    await expect(page.locator("tbody tr")).to_have_count(50)
    first = await page.locator("tbody tr").first.inner_text()
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator("tbody tr")).to_have_count(50)
    assert await page.locator("tbody tr").first.inner_text() != first
    text = await text_of(await taken(page, "Export CSV"))
    assert {row["email"] for row in csv.DictReader(io.StringIO(text))} == {row.partition(",")[0] for row in rows}


async def test_a_file_is_imported_without_script(console: OpenConsole, shop: Account) -> None:
    domain = f"{secrets.token_hex(4)}.example"
    page = (await console(f"{PAGE}/imports", java_script_enabled=False)).page
    file: Any = {"name": "list.csv", "mimeType": "text/csv", "buffer": f"ann@{domain}\nno address\n".encode()}
    await page.get_by_label("CSV file").set_input_files(file)
    await page.get_by_role("button", name="Import").click()
    await expect(page.get_by_text("Imported, but for the faulty lines")).to_be_visible()
    await page.goto(f"{PAGE}?search={quote(f'ann@{domain}')}")
    await expect(page.get_by_text(f"No mail goes to ann@{domain}")).to_be_visible()


async def test_a_person_has_their_data_and_is_erased_with_a_certificate(console: OpenConsole, shop: Account) -> None:
    recipient, message_id = await bounced(shop)
    page = (await console(f"{PAGE}/erasures/person?email={quote(recipient)}")).page
    messages = orjson.loads(await text_of(await taken(page, "messages.json")))
    assert [each["id"] for each in messages["messages"]] == [message_id]
    for name in ("contacts", "contact-events", "suppressions", "deliveries", "webhooks"):
        held = orjson.loads(await text_of(await taken(page, f"{name}.json")))
        assert held["address"] == recipient
    await page.get_by_role("link", name="Erase this person").click()
    await page.get_by_label("Case").fill("case 4711")
    await page.get_by_role("button", name="Erase").click()
    await expect(page.get_by_text(f"holds of {recipient} will be erased")).to_be_visible()
    await assert_accessible(page)
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_role("status")).to_contain_text("Every service has been asked.")
    await expect(page.locator(".saying")).to_contain_text("Redacted", timeout=90_000)  # by itself
    await expect(page.get_by_role("row", name="ingest")).to_contain_text("messages: 1")
    certificate = orjson.loads(await text_of(await taken(page, "Certificate")))
    assert (certificate["state"], certificate["reason"]) == ("redacted", "case 4711")
    await page.goto(f"{PAGE}?search={quote(recipient)}")
    await expect(page.get_by_role("link", name="Erased person")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_its_pages_have_no_grave_fault_and_fit_a_phone(console: OpenConsole, shop: Account, scheme: Any) -> None:
    recipient, _ = await bounced(shop)
    entry = (await shop.get(f"/v1/suppressions/{quote(recipient)}"))["data"]["uuid"]
    paths = (
        f"{PAGE}?search={quote(recipient)}", f"{PAGE}/{entry}", f"{PAGE}/add?email={quote(recipient)}",
        f"{PAGE}/imports", f"{PAGE}/removals", f"{PAGE}/erasures", f"{PAGE}/erasures/person?email={quote(recipient)}",
    )  # fmt: skip
    visited = await console(PAGE, color_scheme=scheme)
    for path in paths:
        await visited.page.goto(path)
        await assert_accessible(visited.page)
    await visited.page.set_viewport_size(PHONE)
    for path in paths:
        await visited.page.goto(path)
        assert await visited.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        await assert_accessible(visited.page)
