"""`python -m tests.screenshots FOLDER`: every page of the console in both themes, and on a phone."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from itertools import chain
from pathlib import Path

import httpx
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from shared.console.navigation import MENU
from tests.e2e.account import Account, make_home, open_account
from tests.e2e.console.conftest import sign_in
from tests.fixtures.browser import DESKTOP, PHONE, open_browser
from tests.fixtures.deployment import eventually
from tests.fixtures.own_ports import own_ports
from tests.screenshots.shop import requests

MAIL, AT_ONCE = 160, 10
THEMES = ("light", "dark")
ONE_OF = {"messages": "message", "domains": "domain", "templates": "template", "contacts": "contact"}
TEMPLATE = {
    "name": "Order shipped",
    "subject": "Your order {{number}} is on its way",
    "html": "<h1>Thank you, {{first_name ?? 'friend'}}</h1><p>Order <b>{{number}}</b> left our house today.</p>",
    "text": "Order {{number}} left our house today.",
}
LOADING = r".htmx-request:not([hx-sse\:connect])"
MENU_PATHS = [entry.path for entry in chain.from_iterable(group.entries for group in MENU)]


async def furnish(account: Account) -> list[str]:
    """Sends the shop's mail, and returns the paths of pages that the menu does not lead to."""
    for name in ("orders", "crm"):
        events = ["email.delivered", "email.bounced", "email.complained"]
        await account.make("/v1/webhooks", url=f"{account.home['receiver_url']}/hooks/{name}", events=events)
    await account.make("/v1/suppressions", email="no-more@mail.example", reason="manual")
    bodies = list(requests(MAIL, account.sender))
    for start in range(0, len(bodies), AT_ONCE):
        together = bodies[start : start + AT_ONCE]
        replies = await asyncio.gather(*(account.http.post("/v1/emails", json=body) for body in together))
        assert all(reply.status_code == 202 for reply in replies)
    template = await account.make("/v1/templates", **TEMPLATE)
    contact = await account.make("/v1/contacts", attributes={"email": "ann@mail.example", "first_name": "Ann"})
    return [
        f"/console/messages/{await _one(account.http, 'bounced')}",
        f"/console/domains/{account.sender.partition('@')[2]}",
        f"/console/templates/{template['id']}",
        f"/console/contacts/{contact['data']['uuid']}",
        "/console/keys/new",
        "/console/workspace/audit",
    ]


async def _one(http: httpx.AsyncClient, status: str) -> str:
    async def found() -> str | None:
        data = (await http.get("/v1/emails", params={"status": status, "limit": 1})).json()["data"]
        return data[0]["uuid"] if data else None

    return await eventually(found, seconds=60, what=f"a message that is {status}") or ""


async def shoot(browser: Browser, account: Account, paths: list[str], folder: Path) -> None:
    for name, options in (
        *((theme, {"color_scheme": theme, "viewport": DESKTOP}) for theme in THEMES),
        ("phone", {"color_scheme": "light", "viewport": PHONE}),
    ):
        context = await browser.new_context(base_url=account.stack.http_url, device_scale_factor=1.5, **options)
        page = await context.new_page()
        await page.goto("/console/sign-in")
        await page.screenshot(path=folder / f"sign-in-{name}.png")
        await sign_in(page, account.home["api_key"])
        for path in paths:
            await _shoot_one(page, path, folder / f"{_name_of(path)}-{name}.png")
        await context.close()


async def _shoot_one(page: Page, path: str, file: Path) -> None:
    await page.goto(path)
    await expect(page.locator(LOADING)).to_have_count(0)
    await page.screenshot(path=file, full_page=True)
    print(file)


def _name_of(path: str) -> str:
    words = path.removeprefix("/console").strip("/").split("/")
    if len(words) == 1:
        return words[0] or "overview"
    return ONE_OF.get(words[0]) or "-".join(words)


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        stack = Stack(Path(home), port_base=own_ports(24300), say=print)
        try:
            stack.up()
            async with open_account(stack, make_home(stack)) as account, open_browser() as browser:
                paths = [*MENU_PATHS, *await furnish(account)]
                await shoot(browser, account, paths, folder)
        finally:
            stack.down()


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
