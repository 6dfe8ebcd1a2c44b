"""A template is written with its preview beside it, tried, kept, brought back and deleted."""

from __future__ import annotations

import secrets

import pytest
from playwright.async_api import Page, expect

from tests.e2e.account import Account, fresh, fresh_word
from tests.e2e.console.conftest import OpenConsole
from tests.e2e.console.looks import assert_sound
from tests.fixtures.browser import Kind

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOSTILE = "<script>alert(1)</script><img src=https://evil.example/pixel.png><p>Shown all the same</p>"


async def write(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        await page.get_by_label(label, exact=True).fill(text)


async def make(shop: Account, **fields: str) -> str:
    wanted = {"name": f"t{secrets.token_hex(4)}", "subject": "Hi", "text": "Hi", **fields}
    return str((await shop.make("/v1/templates", **wanted))["id"])


async def test_what_a_template_becomes_is_seen_while_it_is_written(console: OpenConsole, shop: Account) -> None:
    visited = await console("/console/templates")
    page = visited.page
    await page.get_by_role("link", name="New template").first.click()
    await write(page, Name="Welcome", Subject="Hi {{name}}", HTML="<p style='color: red'>Code {{code}}</p>")
    preview = page.locator("#preview")
    await expect(preview.get_by_text("without a fallback")).to_contain_text("code")
    await page.get_by_label("Data to try it with").fill('{"name": "Ann", "code": 77}')
    await expect(preview.get_by_text("Hi Ann")).to_be_visible()
    await expect(page.frame_locator("iframe").get_by_text("Code 77")).to_have_css("color", "rgb(255, 0, 0)")
    await page.get_by_label("Data to try it with").fill('{"name": ')
    await expect(page.locator("#data-about")).to_contain_text("This is no JSON")
    await page.get_by_label("Data to try it with").fill('{"name": "Ann", "code": 78}')
    await expect(page.locator("#data-about")).to_contain_text("It is not kept")
    await expect(page.frame_locator("iframe").get_by_text("Code 78")).to_be_visible()
    await page.get_by_role("button", name="Make the template").first.click()
    await expect(page.get_by_role("status")).to_contain_text("Made.")
    await page.go_back()  # the previews were no steps
    await expect(page.get_by_role("heading", name="New template")).to_be_visible()


async def test_a_test_is_sent_and_followed_in_a_tab_of_its_own(console: OpenConsole, shop: Account) -> None:
    visited = await console(f"/console/templates/{await make(shop, **{'from': shop.sender})}")
    page, recipient, word = visited.page, fresh("ok"), fresh_word()
    await page.get_by_label("Subject").fill(f"Draft {word}")
    await page.get_by_label("To", exact=True).fill(recipient)
    async with visited.context.expect_page() as opened:
        await page.get_by_role("button", name="Send the test").click()
    message = await opened.value
    await expect(message.get_by_role("heading", name=f"Draft {word}")).to_be_visible()
    await shop.reaches(message.url.rpartition("/")[2], "delivered")
    await expect(page.get_by_label("Subject")).to_have_value(f"Draft {word}")


async def test_versions_are_restored_and_a_template_is_deleted(console: OpenConsole, shop: Account) -> None:
    id_ = await make(shop, subject="First")
    visited = await console(f"/console/templates/{id_}")
    page = visited.page
    await page.get_by_label("Subject").fill("Second")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Saved as version 2.")
    await page.get_by_role("link", name="1", exact=True).click()
    await expect(page.get_by_text("This is version 1 of 2")).to_be_visible()
    await expect(page.get_by_label("Subject")).to_have_value("First")
    await page.get_by_role("button", name="Restore").click()
    await expect(page.get_by_role("status")).to_contain_text("Restored version 1, as version 3.")
    assert (await shop.get(f"/v1/templates/{id_}"))["subject"] == "First"
    visited.expect(Kind.DIALOG, "with all its versions")
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("status")).to_contain_text("Deleted")


async def test_a_hostile_template_runs_nothing_and_calls_nobody(console: OpenConsole, shop: Account) -> None:
    visited = await console(f"/console/templates/{await make(shop, name=HOSTILE, subject=HOSTILE, html=HOSTILE)}")
    page = visited.page
    await expect(page.frame_locator("iframe").get_by_text("Shown all the same")).to_be_visible()
    assert not await page.evaluate("document.querySelectorAll('main script, main img').length")
    visited.expect(Kind.VIOLATION, "/preview/frame")
    visited.expect(Kind.CONSOLE, "/preview/frame")


async def test_it_is_written_without_script(console: OpenConsole, shop: Account) -> None:
    page = (await console(f"/console/templates/{await make(shop, html='<p>Hi</p>')}", java_script_enabled=False)).page
    await page.get_by_label("HTML", exact=True).fill("<p>Changed</p>")
    await page.get_by_role("button", name="Show the HTML").click()
    await expect(page.frame_locator("iframe").get_by_text("Changed")).to_be_visible()
    await page.get_by_role("button", name="Save").first.click()
    await expect(page.get_by_role("status")).to_contain_text("Saved as version 2.")


async def test_the_pages_are_for_everybody(console: OpenConsole, shop: Account) -> None:
    id_ = await make(shop, html="<p>Hi {{name}}</p>")
    paths = (f"/console/templates/{id_}", f"/console/templates/{id_}?version=1")
    await assert_sound(console, "/console/templates", "/console/templates/new", *paths)
