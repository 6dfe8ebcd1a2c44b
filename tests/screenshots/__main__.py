"""`python -m tests.screenshots FOLDER`: every page of the console in both themes, and on a phone."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, ViewportSize, expect

from deploy.local.stack import Stack
from tests.e2e.account import Account, bootstrap, open_account
from tests.e2e.console.conftest import sign_in
from tests.fixtures.browser import DESKTOP, PHONE, Options, open_browser
from tests.fixtures.own_ports import own_ports
from tests.screenshots.furnishing import Paths, furnish

BROWSERS: dict[str, Options] = {
    "light": {"color_scheme": "light", "viewport": DESKTOP},
    "dark": {"color_scheme": "dark", "viewport": DESKTOP},
    "phone": {"color_scheme": "light", "viewport": PHONE},
}
LOADING = r".htmx-request:not([hx-sse\:connect])"


async def shoot(browser: Browser, account: Account, paths: Paths, folder: Path) -> None:
    for name, options in BROWSERS.items():
        context = await browser.new_context(base_url=account.stack.http_url, **options)
        page = await context.new_page()
        await page.goto("/console/sign-in")
        await page.screenshot(path=folder / f"sign-in-{name}.png")
        await sign_in(page, account.home["api_key"])
        for path_name, path in sorted(paths.items()):
            await _shoot_one(page, path, folder / f"{path_name}-{name}.png", options["viewport"])
        await context.close()


async def _shoot_one(page: Page, path: str, file: Path, screen: ViewportSize) -> None:
    """The screen as it opens, and all of the page: on a screen of its height, as Chromium paints no frame below it."""
    reply = await page.goto(path)
    assert reply is not None, path
    assert reply.ok, f"{path}: {reply.status}"
    await expect(page.locator(LOADING)).to_have_count(0)
    for frame in page.frames[1:]:
        await expect(frame.locator("body *").first).to_be_attached()
    await page.screenshot(path=file.with_stem(f"{file.stem}-top"))
    height = await page.evaluate("document.documentElement.scrollHeight")
    await page.set_viewport_size({**screen, "height": height})
    await page.screenshot(path=file)
    await page.set_viewport_size(screen)
    print(file)


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        stack = Stack(Path(home), port_base=own_ports(24300), say=print)
        try:
            stack.up()
            shop = bootstrap(stack, "Acme Shop", "no-reply@acme.example")
            async with open_account(stack, shop) as account, open_browser() as browser:
                await shoot(browser, account, await furnish(account), folder)
        finally:
            stack.down()


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
