"""The console of a running stack in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Unpack

import pytest_asyncio
from playwright.async_api import Page

from deploy.local.stack import Stack
from tests.e2e.account import Account, open_account
from tests.fixtures.browser import OpenVisit, Options, Visit, browser, visit

__all__ = ["OpenConsole", "browser", "visit"]
OpenConsole = Callable[..., Awaitable[Visit]]


@pytest_asyncio.fixture(loop_scope="module")
async def shop(stack: Stack, homes: tuple[dict[str, Any], ...]) -> AsyncIterator[Account]:
    """The workspace whose console is opened."""
    async with open_account(stack, homes[0]) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def console(visit: OpenVisit, shop: Account) -> OpenConsole:
    """`await console(path, **Options)` opens a page as who has signed in with the workspace's key."""

    async def opened(path: str = "/console", **options: Unpack[Options]) -> Visit:
        visited = await visit(shop.stack.http_url, **options)
        await sign_in(visited.page, shop.home["api_key"], path)
        return visited

    return opened


async def sign_in(page: Page, key: str, path: str = "/console") -> None:
    await page.goto(path)
    await page.get_by_label("API key").fill(key)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"**{path}")
