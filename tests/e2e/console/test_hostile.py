"""What others write shows as text, runs nothing and calls nobody."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.account import Account, fresh, fresh_word
from tests.e2e.console.conftest import OpenConsole
from tests.fixtures.browser import Kind
from tests.fixtures.deployment import eventually
from tests.fixtures.http_receiver import Answer, open_http_receiver
from tests.fixtures.scripted_smtp import Close, ScriptedServer

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>"
STYLE = "<style>body{display:none}</style><link rel=stylesheet href=https://evil.example/a.css>"
BIDI = "\u202egnp.exe\u2066\u2069"
ATTRIBUTE = "\"'><a href=javascript:alert(4) autofocus onfocus=alert(5)>"
TEMPLATE = "{{7*7}}{% raw %}${7*7}"
HTMX = "<div hx-get=https://evil.example hx-trigger=load hx-on:load=alert(6)>"
WORDS = (SCRIPT, STYLE, ATTRIBUTE, TEMPLATE, HTMX)
BODY = f"""<html><head>{STYLE}<meta http-equiv=refresh content="0;url=https://evil.example"></head>
<body onload=alert(7)>{SCRIPT}<p>Shown all the same</p><img src=https://evil.example/pixel.png>
<iframe src=https://evil.example></iframe><form action=https://evil.example><button>Go</button></form>
<a href=https://evil.example target=_top>Link</a><base href=https://evil.example></body></html>"""


async def test_a_hostile_message_is_shown_as_text(console: OpenConsole, shop: Account) -> None:
    tag = fresh_word()
    ids = []
    for words in WORDS:
        ids += await shop.send(
            fresh("permfail"),
            subject=words[:200] + BIDI,
            tags=[tag, words[:60]],
            metadata={"note": words},
            html=BODY,
            text=words,
        )
    long = "A" * 900
    ids += await shop.send(fresh("ok"), subject=long, tags=[tag], text="x" * 100_000)
    for message_id in ids:
        await shop.reaches(message_id, "bounced", "delivered")
    visited = await console(f"/console/messages?tag={tag}")
    page = visited.page
    await expect(page.locator("tbody tr")).to_have_count(len(ids))
    await expect(page.locator("tbody")).to_contain_text("<script>alert(1)</script>")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for message_id in ids:
        await page.goto(f"/console/messages/{message_id}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not await page.evaluate("document.querySelectorAll('main script, main style, main svg[onload]').length")
        for view in ("Text", "Source", "Headers"):
            await page.get_by_role("link", name=view, exact=True).click()
            await expect(page.get_by_role("link", name=view, exact=True)).to_have_attribute("aria-current", "true")
    await page.goto(f"/console/messages/{ids[0]}")
    await expect(page.frame_locator("iframe").get_by_text("Shown all the same")).to_be_attached()  # it hides itself
    for kind, stopped in (
        (Kind.VIOLATION, "/preview"),
        (Kind.VIOLATION, "Framing 'https://evil.example/'"),
        (Kind.CONSOLE, "/preview"),
    ):
        visited.expect(kind, stopped)  # the frame's policy says what it has stopped; the page itself had nothing to


async def test_what_hosts_and_endpoints_answer_is_shown_as_text(console: OpenConsole, shop: Account) -> None:
    said = f"550 5.1.1 {SCRIPT} {STYLE[:80]} {BIDI}"
    async with ScriptedServer({"RCPT": Close(said)}) as host, open_http_receiver() as site:
        site.script("/hook", Answer(500, body=f"{SCRIPT}{STYLE}{'B' * 3000}".encode()))
        endpoint = await shop.make("/v1/webhooks", url=site.url("/hook"), events=["email.bounced"], name=SCRIPT[:60])
        smart = await shop.transport(host.port, name=f"{SCRIPT[:30]}")
        await shop.route(smart["id"])
        try:
            (message_id,) = await shop.send(fresh("ok"), subject="Hostile words of others")
            await shop.reaches(message_id, "bounced")
        finally:
            await shop.route("direct")

        async def told() -> bool:
            return any(step.get("status") == 500 for step in await shop.steps(message_id, "webhook"))

        await eventually(told, what="the webhook's attempt")
        page = (await console(f"/console/messages/{message_id}")).page
        for title in ("Attempt 1: refused", "Route chosen", f"Webhook {site.url('/hook')}"):
            step = page.locator("ol.timeline li", has=page.locator("h3", has_text=title)).first
            await step.get_by_text("Details").click()
            await expect(step).to_contain_text("<script>alert(1)</script>")
        for path in (
            f"/console/messages/{message_id}",
            f"/console/webhooks/{endpoint['id']}",
            "/console/webhooks",
            "/console/routing",
            f"/console/routing/transports/{smart['id']}",
            "/console/suppressions",
            "/console",
        ):
            await page.goto(path)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert not await page.evaluate("document.querySelectorAll('main script, main style').length"), path
        await shop.http.delete(f"/v1/webhooks/{endpoint['id']}")
