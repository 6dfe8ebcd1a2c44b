"""axe judges pages under a strict policy, and says what is wrong with them."""

from __future__ import annotations

import pytest

from tests.fixtures.browser import OpenVisit, assert_accessible, axe
from tests.fixtures.http_receiver import HttpReceiver
from tests.integration.browser.conftest import Publish

pytestmark = pytest.mark.asyncio(loop_scope="module")
GOOD = '<form><label>Name <input name="name"></label><button>Save</button></form>'
BAD = '<form><input name="name"><button></button></form><img src="data:,">'
SANDBOXED = '<iframe title="Mail" sandbox srcdoc="<input>"></iframe>'


async def test_a_good_page_passes(visit: OpenVisit, site: HttpReceiver, publish: Publish) -> None:
    publish("/", GOOD)
    page = (await visit(site.url(""))).page
    await page.goto("/")
    assert await axe(page) == []
    await assert_accessible(page)


async def test_a_bad_page_is_told_its_faults(visit: OpenVisit, site: HttpReceiver, publish: Publish) -> None:
    publish("/", BAD, policy="default-src 'none'; img-src data:")
    page = (await visit(site.url(""))).page
    await page.goto("/")
    found = {violation.id: violation for violation in await axe(page)}
    assert found.keys() == {"button-name", "image-alt", "label"}
    assert found["label"].impact == "critical"
    assert [node.target for node in found["label"].nodes] == ["input"]
    with pytest.raises(AssertionError, match="critical: image-alt: Images must have alternative text\n  img: "):
        await assert_accessible(page)


async def test_the_content_of_a_frame_is_not_judged(visit: OpenVisit, site: HttpReceiver, publish: Publish) -> None:
    publish("/", SANDBOXED)
    page = (await visit(site.url(""))).page
    await page.goto("/")
    await assert_accessible(page)
