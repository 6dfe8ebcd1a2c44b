"""Pages of a test's own, and the browser that opens them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.fixtures.browser import browser, visit
from tests.fixtures.http_receiver import Answer, HttpReceiver, open_http_receiver
from tests.fixtures.oidc_provider import oidc_provider

__all__ = ["browser", "oidc_provider", "visit"]
STRICT = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"
PAGE = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>{body}</main></html>'
Publish = Callable[..., None]
PublishScript = Callable[[str, str], None]


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[HttpReceiver]:
    """A web server, on which a test publishes its pages."""
    async with open_http_receiver() as opened:
        yield opened


@pytest.fixture
def publish(site: HttpReceiver) -> Publish:
    """`publish(path, body)` makes a page of which `body` is the content, under a strict policy."""

    def answer(path: str, body: str, *, policy: str = STRICT) -> None:
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}
        site.script(path, Answer(headers=headers, body=PAGE.format(body=body).encode()))

    return answer


@pytest.fixture
def publish_script(site: HttpReceiver) -> PublishScript:
    """`publish_script(path, source)` makes a file that a page may load."""

    def answer(path: str, source: str) -> None:
        site.script(path, Answer(headers={"content-type": "text/javascript"}, body=source.encode()))

    return answer
