"""Sendy: what is tracked, and the two routes that tell of it (seed 004 and the page on tracking that it leads to)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.scoped_keys import BROWSER, client_of, key_with
from tests.e2e.compatibility.sendy_caller import code_of, data_of, email, posted, reaches
from tests.e2e.test_doors import received
from tests.fixtures.deployment import eventually

HTML = '<html><body><p><a href="https://shop.example/?a=1">Shop</a></p></body></html>'
PIXEL, LINK = re.compile(r'<img [^>]*src="([^"]+)"[^>]*></body>'), re.compile(r'<a href="([^"]+)">')


async def read_by_a_browser(account: Account, to: str) -> str:
    """Opens the mail and follows its link; where that leads."""
    html = (await received(account, to)).get_body(("html",)).get_content()
    pixel, link = PIXEL.search(html), LINK.search(html)
    assert pixel, html
    assert link
    async with httpx.AsyncClient(headers={"User-Agent": BROWSER}) as browser:
        assert (await browser.get(pixel[1])).headers["content-type"] == "image/gif"
        return (await browser.get(link[1])).headers["location"]


async def events_of(account: Account, id_: str, count: int) -> list[dict[str, Any]]:
    async def there() -> list[dict[str, Any]] | None:
        events = data_of(await account.http.get(f"/api/v1/tracking/{id_}"))
        return events if len(events) >= count else None

    return await eventually(there, seconds=30, what=f"{count} tracking events of {id_}")  # type: ignore[return-value]


async def test_an_open_and_a_click_are_seen_where_tracking_is_asked_for(account: Account) -> None:
    id_ = (await posted(account, to := fresh("ok"), html=HTML, track=True))["id"]
    assert await read_by_a_browser(account, to) == "https://shop.example/?a=1"
    shown = await reaches(account, id_, "opened")
    assert shown["status"] == "sent"
    assert shown["first_opened_at"] >= shown["delivered_at"]


async def test_nothing_is_tracked_where_it_is_not_asked_for(account: Account) -> None:
    for more in ({}, {"track": False}):
        await posted(account, to := fresh("ok"), html=HTML, **more)
        assert (await received(account, to)).get_body(("html",)).get_content().strip() == HTML


async def test_the_tracking_events_of_an_email_have_the_page_s_fields(account: Account) -> None:
    id_ = (await posted(account, to := fresh("ok"), html=HTML, track=True))["id"]
    await read_by_a_browser(account, to)
    events = {event["type"]: event for event in await events_of(account, id_, 3)}
    assert events.keys() == {"delivered", "open", "click"}
    assert events["delivered"].keys() == {"id", "emailId", "type", "createdAt"}
    for type_ in ("open", "click"):
        assert events[type_].keys() == {"id", "emailId", "type", "createdAt", "ipAddress"}
        assert events[type_]["ipAddress"] == "127.0.0.0"  # of a reader only the network is kept
    assert {event["emailId"] for event in events.values()} == {id_}
    assert len({event["id"] for event in events.values()}) == 3
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["createdAt"]) for event in events.values())


async def test_an_email_is_delivered_once_the_recipient_s_server_has_taken_it(account: Account) -> None:
    id_ = (await posted(account, fresh("greylist")))["id"]
    shown = await reaches(account, id_, "delivered")
    (event,) = await events_of(account, id_, 1)
    assert (event["type"], event["createdAt"]) == ("delivered", shown["delivered_at"])


async def test_the_statistics_have_the_page_s_fields(account: Account) -> None:
    since = datetime.now(UTC).isoformat()
    opened, plain, bounced = fresh("ok"), fresh("ok"), fresh("permfail")
    ids = [(await posted(account, to, html=HTML, track=True))["id"] for to in (opened, plain, bounced)]
    await read_by_a_browser(account, opened)
    for id_, unified in zip(ids, ("opened", "delivered", "bounced"), strict=True):
        await reaches(account, id_, unified)
    await events_of(account, ids[0], 3)
    reply = await account.http.get("/api/v1/stats", params={"from_date": since})
    assert reply.json() == {
        "success": True,
        "data": {
            "sent": 3, "delivered": 2, "opens": 1, "uniqueOpens": 1, "clicks": 1, "uniqueClicks": 1, "bounces": 1,
            "complaints": 0, "unsubscribes": 0, "openRate": 50.0, "clickRate": 50.0, "bounceRate": 33.3,
        },
    }  # fmt: skip
    everything = data_of(await account.http.get("/api/v1/stats"))
    assert everything["sent"] >= 3
    assert (await email(account, ids[1]))["first_opened_at"] is None


async def test_both_tracking_routes_need_their_permission(account: Account) -> None:
    id_ = (await posted(account, fresh("ok")))["id"]
    tracker, other = await key_with(account, "tracking.read"), await key_with(account, "email.history", "email.send")
    async with client_of(account, tracker["key"]) as may, client_of(account, other["key"]) as may_not:
        for path in (f"/api/v1/tracking/{id_}", "/api/v1/stats"):
            assert (await may.get(path)).status_code == 200
            assert code_of(await may_not.get(path)) == (403, "FORBIDDEN")
