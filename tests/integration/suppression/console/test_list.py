"""The list, the answer over all scopes, and the form that suppresses an address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from shared.contracts.entities import Kind
from shared.mongo.entities import Entities
from tests.fixtures.console import VisitingClient, notice, words
from tests.fixtures.deployment import eventually
from tests.integration.suppression.conftest import OPERATOR, URL, Suppressing, post
from tests.integration.suppression.console.conftest import SignIn

PAGE = "/console/suppressions"
HOSTILE = "<script>alert(1)</script>\"'{{7*7}}\u202egnp"


@pytest.fixture
async def key(answering: Suppressing) -> dict[str, str]:
    return await answering.key("w1", "suppressions", "admin")


async def test_an_empty_list_says_what_to_do(visitor: VisitingClient) -> None:
    reply = await visitor.get(PAGE)
    assert reply.status_code == 200
    assert "Nobody is suppressed" in words(reply)
    assert "Import a list" in words(reply)


async def test_the_list_says_who_why_what_and_since_when(
    http: httpx.AsyncClient, key: dict[str, str], visitor: VisitingClient, answering: Suppressing
) -> None:
    await answering.add_domain("w1", "acme.example")
    await post(http, key, email="Ann@b.example", type="complaint", reason="wrote to abuse")
    await post(http, key, email="bob@b.example", type="unsubscribe", scope="stream", stream="billing")
    end = (datetime.now(UTC) + timedelta(days=5)).isoformat()
    await post(http, key, email="cleo@b.example", scope="domain", domain="acme.example", expires_at=end)
    said = words(await visitor.get(PAGE))
    for expected in (
        "ann@b.example wrote to abuse Complaint from API or console All mail",
        "bob@b.example Unsubscribed from API or console Mail of the stream billing",
        "cleo@b.example Manual from API or console Mail from acme.example",
    ):
        assert expected in said
    for query, found in (
        ({"reason": "complaint"}, {"ann"}),
        ({"scope": "stream"}, {"bob"}),
        ({"stream": "billing"}, {"bob"}),
        ({"domain": "acme.example"}, {"cleo"}),
        ({"ends": "7"}, {"cleo"}),
        ({"ends": "never"}, {"ann", "bob"}),
        ({"origin": "api"}, {"ann", "bob", "cleo"}),
        ({"origin": "event"}, set()),
        ({"search": "b.example", "reason": "unsubscribe"}, {"bob"}),
    ):
        said = words(await visitor.get(PAGE, **query))
        assert {name for name in ("ann", "bob", "cleo") if f"{name}@b.example" in said} == found, query
    assert "Nothing found" in words(await visitor.get(PAGE, origin="event"))
    refused = await visitor.get(PAGE, reason="nonsense")
    assert "must be of" in words(refused)


async def test_a_page_ends_where_the_next_begins(
    http: httpx.AsyncClient, key: dict[str, str], visitor: VisitingClient
) -> None:
    data = "email\n" + "\n".join(f"u{number:03}@b.example" for number in range(120))
    await http.post(f"{URL}/import", content=data, headers=key | {"content-type": "text/csv"})
    seen: list[str] = []
    url: str | None = PAGE
    pages = 0
    while url is not None:
        reply = await visitor.get(url)
        seen += [
            line.partition("<")[0] for line in reply.text.split('<span class="clip">') if "@b.example" in line[:20]
        ]
        pages += 1
        more = [part.partition('"')[0] for part in reply.text.split('href="') if "cursor=" in part.partition('"')[0]]
        url = more[0].replace("&amp;", "&") if more else None
    assert (pages, len(seen), len(set(seen))) == (3, 120, 120)
    foreign = await visitor.get(PAGE, cursor="bm9uc2Vuc2U")
    assert foreign.status_code == 422
    assert "begin at its newest entries" in words(foreign)


async def test_a_whole_address_is_answered_over_every_scope(
    http: httpx.AsyncClient, key: dict[str, str], visitor: VisitingClient, answering: Suppressing
) -> None:
    assert "Mail goes to ann@b.example" in words(await visitor.get(PAGE, search="ann@b.example"))
    await post(http, key, email="ann@b.example", type="unsubscribe", scope="stream", stream="product")
    said = words(await visitor.get(PAGE, search="Ann@b.example"))
    assert "Some mail does not go to Ann@b.example" in said
    assert "Mail of the stream product is stopped." in said
    await post(http, key, email="ann@b.example", type="complaint")
    assert "No mail goes to" in words(await visitor.get(PAGE, search="ann@b.example"))
    entities = Entities(answering.deployment.database("suppression"))
    sparing = {"name": "W", "owner_email": "o@w.example", "complaints_spare_critical": True}
    await entities.put(Kind.WORKSPACE, "w1", "w1", sparing)

    async def spared() -> bool:
        said = words(await visitor.get(PAGE, search="ann@b.example"))
        return "All mail but that of the streams authentication and security is stopped." in said

    await eventually(spared, what="the workspace's new setting")
    operator = {"authorization": f"Bearer {OPERATOR}"}
    await http.post("/v1/platform/suppressions", json={"email": "ann@b.example"}, headers=operator)
    said = words(await visitor.get(PAGE, search="ann@b.example"))
    assert "whoever runs Posthorn can remove it" in said
    assert "No mail goes to" not in words(await visitor.get(PAGE, search="b.example"))


async def test_the_form_suppresses_an_address(visitor: VisitingClient, answering: Suppressing) -> None:
    await answering.add_domain("w1", "acme.example")
    led = await visitor.get(PAGE, add="ann@b.example")
    assert (led.status_code, led.headers["location"]) == (303, f"{PAGE}/add?email=ann%40b.example")
    form = await visitor.get(led.headers["location"])
    assert 'value="ann@b.example"' in form.text
    assert "Mail from acme.example" in words(form)
    given = {"email": "ann@b.example", "type": "unsubscribe", "where": "domain:acme.example", "reason": "by phone"}
    reply = await visitor.send(f"{PAGE}/add", **given, expires_at="2090-01-01T12:00")
    assert reply.status_code == 303
    assert notice(reply, visitor) == "Suppressed."
    said = words(await visitor.get(urlsplit(reply.headers["location"]).path))
    for expected in ("ann@b.example", "Mail from acme.example", "Unsubscribed", "by phone", "the key k", "01 Jan 2090"):
        assert expected in said
    again = await visitor.send(f"{PAGE}/add", **given, expires_at="2090-01-01T12:00")
    assert "suppressed already" in (notice(again, visitor) or "")


@pytest.mark.parametrize(
    ("changed", "field", "detail"),
    [
        ({"email": "no address"}, "email", "not a valid e-mail address"),
        ({"type": "unsubscribe"}, "where", "holds for one stream or one sending domain"),
        ({"where": "domain:foreign.example"}, "where", "is no sending domain of this workspace"),
        ({"where": "stream:gossip"}, "where", "Input should be"),
        ({"expires_at": "2001-01-01T12:00"}, "expires_at", "This time is past"),
        ({"expires_at": "soon"}, "expires_at", "This is no date and time"),
        ({"type": "complaint", "expires_at": "2090-01-01T12:00"}, "expires_at", "does not expire"),
        ({"type": "erasure"}, "type", "Input should be"),
        ({"reason": "x" * 501}, "reason", "at most 500 characters"),
    ],
)
async def test_a_fault_stands_at_its_field_and_nothing_is_stored(
    visitor: VisitingClient, answering: Suppressing, changed: dict[str, str], field: str, detail: str
) -> None:
    given = {"email": "ann@b.example", "type": "manual", "where": "", "reason": "kept", "expires_at": "", **changed}
    reply = await visitor.send(f"{PAGE}/add", **given)
    assert reply.status_code == 422
    about = reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]
    assert detail in about.replace("&#39;", "'")
    assert given["reason"][:400] in reply.text
    assert await answering.deployment.database("suppression")["suppressions"].count_documents({}) == 0


async def test_what_others_wrote_shows_as_text(
    http: httpx.AsyncClient, key: dict[str, str], visitor: VisitingClient
) -> None:
    await post(http, key, email="ann@b.example", reason=HOSTILE)
    (entry,) = (await http.get(URL, headers=key)).json()["data"]
    for path in (PAGE, f"{PAGE}/{entry['uuid']}"):
        reply = await visitor.get(path)
        assert "<script>alert" not in reply.text
        assert "&lt;script&gt;alert(1)" in reply.text
    for path, query in ((PAGE, {"search": HOSTILE}), (f"{PAGE}/add", {"email": HOSTILE}), (PAGE, {"reason": HOSTILE})):
        assert "<script>alert" not in (await visitor.get(path, **query)).text


async def test_the_export_has_what_the_filters_leave(
    http: httpx.AsyncClient, key: dict[str, str], visitor: VisitingClient, sign_in: SignIn
) -> None:
    await post(http, key, email="ann@b.example", type="complaint")
    await post(http, key, email="bob@b.example")
    whole = await visitor.get(f"{PAGE}.csv")
    assert whole.headers["content-type"].startswith("text/csv")
    assert "attachment" in whole.headers["content-disposition"]
    assert {line.partition(",")[0] for line in whole.text.splitlines()} == {"email", "ann@b.example", "bob@b.example"}
    some = await visitor.get(f"{PAGE}.csv", reason="complaint")
    assert len(some.text.splitlines()) == 2
    other = await sign_in("suppressions", workspace_id="w2")
    assert len((await other.get(f"{PAGE}.csv")).text.splitlines()) == 1
