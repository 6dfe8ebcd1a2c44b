"""Unsubscribing by a link: in one click, by the page, and not by looking at it (RFC 8058)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from services.ingest.settings import Settings
from services.ingest.store.tracked_hits import TrackedHits
from services.ingest.tracking.answers import TrackedLinks
from services.ingest.tracking.forms import MOST_BYTES
from services.ingest.tracking.recorder import Recorder
from services.ingest.tracking.routes import links_router
from shared.api import create_api
from shared.kafka.publish import Publisher
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.reader import ONE_CLICK, Reader, open_reader

PARTS = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Contacts:
    """Remembers what it was told; refuses where it is told to."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.away = False

    async def on_unsubscribed(self, workspace_id: str, address: str, at: datetime) -> None:
        self._tell("off", workspace_id, address)

    async def on_subscribed(self, workspace_id: str, address: str, at: datetime) -> None:
        self._tell("on", workspace_id, address)

    def _tell(self, wish: str, workspace_id: str, address: str) -> None:
        if self.away:
            raise ConnectionError("away")
        self.told.append((wish, workspace_id, address))


@asynccontextmanager
async def beside_contacts(reader: Reader, contacts: Contacts) -> AsyncIterator[Reader]:
    """The same reader at links that are wired to contacts."""
    deployment = reader.door.deployment
    settings = deployment.settings(Settings)
    publisher = Publisher(settings, "test")
    recorder = Recorder(TrackedHits(deployment.database("ingest")), publisher, 0)
    links = TrackedLinks(recorder, settings, contacts.on_unsubscribed, contacts.on_subscribed)
    transport = httpx.ASGITransport(create_api([links_router(links)]))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://posthorn") as http:
            yield Reader(reader.door, http, reader.message)
    finally:
        await recorder.drain()
        await publisher.close()


@pytest.fixture
async def reader(deployment: Deployment) -> AsyncIterator[Reader]:
    async with open_reader(deployment) as opened:
        yield opened


class Page(HTMLParser):
    """What a page loads or links to, its forms' methods, and its buttons' values."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elsewhere: list[str] = []
        self.forms: list[dict[str, str | None]] = []
        self.buttons: list[str | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elsewhere += [name for name in given if name in ("src", "href", "action", "srcset", "background")]
        if tag == "form":
            self.forms.append(given)
        if tag == "button":
            assert given["name"] == "subscription"
            self.buttons.append(given["value"])


async def test_looking_changes_nothing_and_the_page_stands_by_itself(reader: Reader) -> None:
    for _ in range(2):
        reply = await reader.http.get(reader.url("unsubscribe"))
    assert reply.status_code == 200
    page = Page(reply.text)
    assert (page.elsewhere, page.forms, page.buttons) == ([], [{"method": "post"}], ["off"])
    assert reader.message.recipient not in reply.text
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert reply.headers["x-robots-tag"].startswith("noindex")
    assert reply.headers["cache-control"] == "no-store"
    assert "set-cookie" not in reply.headers
    assert await reader.hits() == []


@pytest.mark.parametrize(
    ("request_", "method"),
    [
        ({"data": ONE_CLICK}, "one_click"),
        ({"data": None, "content": PARTS, "headers": MULTIPART}, "one_click"),
        ({"data": None, "content": b"List-Unsubscribe=One-Click"}, "one_click"),
        ({"data": {"subscription": "off"}}, "page"),
    ],
    ids=["urlencoded", "multipart", "of no type", "the page's button"],
)
async def test_one_post_unsubscribes_however_often(reader: Reader, request_: dict[str, Any], method: str) -> None:
    contacts = Contacts()
    async with beside_contacts(reader, contacts) as wired:
        for _ in range(2):
            reply = await wired.unsubscribe(**request_)
            assert (reply.status_code, reply.history) == (200, [])
            assert "set-cookie" not in reply.headers
    assert set(contacts.told) == {("off", reader.message.workspace_id, reader.message.recipient)}
    events = await reader.kept()
    assert len(events) == len(await reader.minutes())
    assert {event.data["method"] for event in events} == {method}
    assert len(await reader.published(len(events))) == len(events)


NO_WISHES = [
    (b"", FORM, 400),
    (b"List-Unsubscribe=One-Clic", FORM, 400),
    (b"subscription=", FORM, 400),
    (b"\xff\xfe=%", FORM, 400),
    (b"&".join([b"a=b"] * 9 + [b"List-Unsubscribe=One-Click"]), FORM, 400),
    (PARTS[:40], MULTIPART, 400),
    (b"garbage", MULTIPART, 400),
    (PARTS, {"Content-Type": "multipart/form-data"}, 400),
    (PARTS.replace(b'Unsubscribe"', b'Unsubscribe"; filename="x"'), MULTIPART, 400),
    (b"List-Unsubscribe=One-Click&x=" + b"x" * MOST_BYTES, FORM, 413),
]


async def test_what_does_not_ask_for_it_changes_nothing(reader: Reader) -> None:
    for content, headers, status in NO_WISHES:
        reply = await reader.unsubscribe(data=None, content=content, headers=headers)
        assert reply.status_code == status, content
        assert "text/html" in reply.headers["content-type"]
    assert await reader.hits() == []


async def test_a_body_without_end_is_cut_off(reader: Reader) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1_000
            yield b"x" * 1_000

    assert (await reader.unsubscribe(data=None, content=endless(), headers=FORM)).status_code == 413
    assert taken < 10 * MOST_BYTES


async def test_who_manages_a_subscription_can_change_their_mind(reader: Reader) -> None:
    contacts = Contacts()
    async with beside_contacts(reader, contacts) as wired:
        assert Page((await wired.http.get(wired.url("manage"))).text).buttons == ["off", "on"]
        for wish in ("off", "on"):
            assert (await wired.unsubscribe("manage", data={"subscription": wish})).status_code == 200
        assert (await wired.unsubscribe("unsubscribe", data={"subscription": "on"})).status_code == 400
    assert [wish for wish, *_ in contacts.told] == ["off", "on"]
    assert [event.type for event in await reader.kept()] == ["unsubscribed"]


async def test_who_could_not_be_unsubscribed_is_not_told_so(reader: Reader) -> None:
    contacts = Contacts()
    async with beside_contacts(reader, contacts) as wired:
        contacts.away = True
        assert (await wired.unsubscribe()).status_code == 503
        contacts.away = False
        assert (await wired.unsubscribe()).status_code == 200
    assert len(contacts.told) == 1
