"""What a visit notices, and what it lets a test expect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Unpack

import pytest
from playwright.async_api import Browser

from tests.fixtures.browser import PHONE, Kind, OpenVisit, Options, visiting
from tests.fixtures.http_receiver import HttpReceiver
from tests.integration.browser.conftest import Publish, PublishScript

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOT = "/"
SCRIPT = '<script src="/page.js"></script>'
FAULTS = {
    Kind.REQUEST: 'fetch("http://elsewhere.test/x").catch(() => 0).finally(() => document.title = "ready")',
    Kind.CONSOLE: 'console.error("it broke"); document.title = "ready"',
    Kind.ERROR: 'document.title = "ready"; throw new Error("it broke")',
    Kind.VIOLATION: 'document.body.setAttribute("style", "color: red"); document.title = "ready"',
    Kind.DIALOG: 'alert("it broke"); document.title = "ready"',
}
TOLD = dict.fromkeys(FAULTS, "it broke") | {
    Kind.REQUEST: "GET http://elsewhere.test/x",
    Kind.VIOLATION: "style-src",
}
ANY_HOST = "default-src *"
BY_KIND = pytest.mark.parametrize("kind", FAULTS)


async def see(
    browser: Browser, site: HttpReceiver, expected: Mapping[Kind, str] | None = None, **options: Unpack[Options]
) -> None:
    """A whole visit, until the page is ready."""
    async with visiting(browser, site.url(""), **options) as visitor:
        for kind, text in (expected or {}).items():
            visitor.expect(kind, text)
        await visitor.page.goto(ROOT)
        if options.get("java_script_enabled", True):
            await visitor.page.wait_for_function("document.title === 'ready'")


@pytest.fixture
def faulty(kind: Kind, publish: Publish, publish_script: PublishScript) -> None:
    publish(ROOT, SCRIPT, **({"policy": ANY_HOST} if kind is Kind.REQUEST else {}))
    publish_script("/page.js", FAULTS[kind])


async def test_a_page_without_fault_passes(visit: OpenVisit, site: HttpReceiver, publish: Publish) -> None:
    publish(ROOT, "<p>Hello</p>")
    visitor = await visit(site.url(""))
    await visitor.page.goto(ROOT)
    assert await visitor.page.get_by_role("paragraph").text_content() == "Hello"
    assert [request.url for request in visitor.requests] == [site.url(ROOT)]
    assert visitor.findings == []


@BY_KIND
@pytest.mark.usefixtures("faulty")
async def test_each_fault_fails_its_test(browser: Browser, site: HttpReceiver, kind: Kind) -> None:
    with pytest.raises(AssertionError, match=re.escape(f"{kind}: ")) as failure:
        await see(browser, site)
    assert TOLD[kind] in str(failure.value)


@BY_KIND
@pytest.mark.usefixtures("faulty")
async def test_a_fault_that_is_expected_passes(browser: Browser, site: HttpReceiver, kind: Kind) -> None:
    # the browser resolves no other name
    also = {Kind.CONSOLE: "ERR_NAME_NOT_RESOLVED"} if kind is Kind.REQUEST else {}
    await see(browser, site, {kind: TOLD[kind], **also})


async def test_what_is_expected_must_come(
    browser: Browser, site: HttpReceiver, publish: Publish, publish_script: PublishScript
) -> None:
    publish(ROOT, SCRIPT)
    publish_script("/page.js", 'document.title = "ready"')
    with pytest.raises(AssertionError, match="expected, and not found: dialog: Delete it"):
        await see(browser, site, {Kind.DIALOG: "Delete it"})


@pytest.mark.parametrize("kind", [Kind.VIOLATION])
@pytest.mark.usefixtures("faulty")
async def test_a_violation_is_told_by_the_console_and_by_its_event(browser: Browser, site: HttpReceiver) -> None:
    with pytest.raises(AssertionError) as failure:
        await see(browser, site)
    assert "Applying inline style violates" in str(failure.value)
    assert "style-src-attr of http://127.0.0.1" in str(failure.value)


async def test_a_socket_to_another_host_is_noticed(
    browser: Browser, site: HttpReceiver, publish: Publish, publish_script: PublishScript
) -> None:
    publish(ROOT, SCRIPT, policy=ANY_HOST)
    publish_script("/page.js", 'new WebSocket("ws://elsewhere.test/").onerror = () => document.title = "ready"')
    with pytest.raises(AssertionError, match=re.escape("request to another host: WebSocket ws://elsewhere.test/")):
        await see(browser, site)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('<img alt="" src="http://elsewhere.test/pixel.png">', "to another host: GET http://elsewhere.test/pixel.png"),
        ('<p style="color: red">Hello</p>', "violation of the content security policy: Applying inline style"),
    ],
    ids=["request", "violation"],
)
async def test_a_page_without_scripts_is_watched_too(
    browser: Browser, site: HttpReceiver, publish: Publish, body: str, told: str
) -> None:
    publish(ROOT, body, policy="style-src 'self'")
    with pytest.raises(AssertionError, match=re.escape(told)):
        await see(browser, site, java_script_enabled=False)


@pytest.mark.parametrize("is_accepted", [True, False])
async def test_a_question_is_answered_as_the_test_says(
    visit: OpenVisit, site: HttpReceiver, publish: Publish, publish_script: PublishScript, is_accepted: bool
) -> None:
    publish(ROOT, SCRIPT)
    publish_script("/page.js", 'document.title = confirm("Delete it?") ? "true" : "false"')
    visitor = await visit(site.url(""))
    if is_accepted:
        visitor.expect(Kind.DIALOG, "Delete it?")
    else:
        visitor.refuse("Delete it?")
    await visitor.page.goto(ROOT)
    assert await visitor.page.title() == str(is_accepted).lower()


async def test_a_visitor_has_the_browser_that_the_test_asks_for(
    visit: OpenVisit, site: HttpReceiver, publish: Publish, publish_script: PublishScript
) -> None:
    publish(ROOT, f"<noscript>No scripts</noscript>{SCRIPT}")
    publish_script(
        "/page.js",
        'document.title = `${innerWidth}x${innerHeight} ${matchMedia("(prefers-color-scheme: dark)").matches}`',
    )
    titles = []
    for options in ({}, {"viewport": PHONE, "color_scheme": "dark"}, {"java_script_enabled": False}):
        one = await visit(site.url(""), **options)
        await one.page.goto(ROOT)
        titles.append(await one.page.title())
    assert titles == ["1280x800 false", "390x844 true", "A page"]
    assert await one.page.locator("noscript").text_content() == "No scripts"
