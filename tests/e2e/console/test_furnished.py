"""Every page of a workspace that looks lived in, in each way that it is looked at: the long form of test_every_page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page

from deploy.local.stack import Stack
from tests.e2e.account import Account, make_home, open_account
from tests.e2e.console.conftest import sign_in
from tests.fixtures.browser import DESKTOP, PHONE, OpenVisit, Options, assert_accessible
from tests.screenshots.furnishing import Paths, furnish

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.verify]
LOOKS: list[Options] = [
    {"color_scheme": "light", "viewport": DESKTOP},
    {"color_scheme": "dark", "viewport": DESKTOP},
    {"color_scheme": "light", "viewport": PHONE},
    {"color_scheme": "dark", "viewport": PHONE},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def furnished(stack: Stack) -> AsyncIterator[tuple[Account, Paths]]:
    async with open_account(stack, make_home(stack)) as account:
        yield account, await furnish(account)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['color_scheme']}-{look['viewport']['width']}")
async def test_no_page_has_a_grave_fault_or_is_wider_than_the_screen(
    visit: OpenVisit, furnished: tuple[Account, Paths], look: Options
) -> None:
    account, paths = furnished
    page: Page = (await visit(account.stack.http_url, **look)).page
    await sign_in(page, account.home["api_key"])
    for path in paths.values():
        reply = await page.goto(path)
        assert reply is not None
        assert reply.ok, path
        await assert_accessible(page)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
