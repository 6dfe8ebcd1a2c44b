"""The reference page: everything that it loads comes from ourselves."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from shared.api import create_api

HOST = "posthorn.test"
TYPES = {".js": "text/javascript", ".css": "text/css", ".png": "image/png", ".txt": "text/plain"}


class Loaded(HTMLParser):
    """What a page loads, or leads to, and whether a script stands in it."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.urls += [url for name in ("src", "href") if (url := given.get(name))]
        if (tag == "script" and "src" not in given) or tag == "style" or any(name.startswith("on") for name in given):
            self.inline.append(tag)


@pytest.fixture
def http() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_api([])), base_url=f"https://{HOST}")


async def test_the_page_loads_all_that_it_needs_from_ourselves(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    loaded = Loaded()
    loaded.feed(page.text)
    assert not loaded.inline
    assert len(loaded.urls) >= 5
    for url in loaded.urls:
        whole = urljoin(str(page.url), url)
        assert urlsplit(whole).netloc == HOST
        asset = await http.get(whole)
        assert asset.status_code == 200, url
        suffix = url[url.rindex(".") :]
        if suffix in TYPES:
            assert asset.headers["content-type"].partition(";")[0] == TYPES[suffix]
            assert asset.headers["x-content-type-options"] == "nosniff"
            assert asset.content


async def test_its_policy_lets_nothing_in_from_another_host(http: httpx.AsyncClient) -> None:
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in (await http.get("/docs")).headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert not [value for value in policy.values() if "http" in value or "*" in value]
    assert "unsafe" not in " ".join(value for name, value in policy.items() if name != "style-src-attr")


async def test_the_script_asks_nobody_to_validate_and_the_licence_is_there(http: httpx.AsyncClient) -> None:
    script = (await http.get("/docs/reference.js")).text
    assert "validatorUrl: null" in script
    assert 'url: "openapi.json"' in script
    assert "Apache License" in (await http.get("/docs/licence.txt")).text
    assert "url(http" not in (await http.get("/docs/swagger-ui.css")).text


async def test_the_page_is_no_part_of_the_document(http: httpx.AsyncClient) -> None:
    assert not [path for path in (await http.get("/openapi.json")).json()["paths"] if path.startswith("/docs")]
