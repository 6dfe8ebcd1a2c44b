"""What the queue's pages show, to whom, and that nothing of it is anything but text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from services.sender.console import lists
from shared.contracts.entities import Kind
from shared.contracts.topics import Lane
from tests.fixtures.console import VisitingClient, is_led_to_sign_in, words
from tests.fixtures.deployment import eventually
from tests.integration.sender.console.conftest import Console

LISTS = ("/console/queue", "/console/queue/destinations", "/console/queue/holds", "/console/queue/jobs")
PAGES = (*LISTS, "/console/queue/act?action=hold", "/console/queue/summary")
NEXT = re.compile(r'href="([^"]+)" rel="next"')
HOSTILE = "451 <script>alert(1)</script> \u202e" + "x" * 5000


async def test_every_page_is_there_while_nothing_waits(visitor: VisitingClient) -> None:
    for path in PAGES:
        reply = await visitor.get(path)
        assert reply.status_code == 200, path
    assert "Nothing waits" in words(await visitor.get("/console/queue"))
    assert "No holds" in words(await visitor.get("/console/queue/holds"))
    assert "Nothing was done yet" in words(await visitor.get("/console/queue/jobs"))


async def test_without_a_session_every_page_leads_to_the_sign_in(console: Console, visitor: VisitingClient) -> None:
    nobody = VisitingClient(visitor.http, visitor.sessions, None)
    for path in PAGES:
        assert is_led_to_sign_in(await nobody.get(path)), path


async def test_without_the_scope_no_page_opens(console: Console) -> None:
    sends = await console.narrow("email.send")
    for path in PAGES:
        reply = await sends.get(path)
        assert reply.status_code == 403, path
        assert "email.history" in reply.text


async def test_what_waits_is_listed_with_why_and_until_when(console: Console, visitor: VisitingClient) -> None:
    last = {"transport": "direct", "outcome": "451 4.3.0 busy"}
    deferred = await console.waits("ann@sink.test", delivery={"attempt": 2, "last": last})
    held = await console.waits("bo@sink.test", "held", lane=Lane.CRITICAL, delivery={"hold": "gone", "why": "held"})
    page = words(await visitor.get("/console/queue"))
    assert all(each in page for each in ("ann@sink.test", "451 4.3.0 busy", "2 attempts", "*.test by direct"))
    assert "by a hold of the operator" in page
    assert "Password reset and OTP traffic is held in part" in page

    async def says() -> bool:
        return "Billing and product mail waits for its next attempt" in words(await visitor.get("/console/queue"))

    await eventually(says)  # once Kafka has told what is on its way
    reply = await visitor.get("/console/queue")
    assert f"/console/messages/{deferred.message_id}" in reply.text
    assert f"/console/queue/messages/{deferred.message_id}/retry" in reply.text
    assert f"/console/queue/messages/{held.message_id}/retry" not in reply.text


async def test_a_long_wait_in_the_critical_lane_is_said_first(console: Console, visitor: VisitingClient) -> None:
    arrived = datetime.now(UTC) - timedelta(seconds=12)
    await console.waits(state="waiting", lane=Lane.CRITICAL, delivery={"arrived_at": arrived})
    for path in ("/console/queue", "/console/queue/summary"):
        reply = await visitor.get(path)
        assert "Password reset and OTP traffic waits too long" in words(reply)
        assert 'class="saying bad' in reply.text


async def test_the_summary_is_a_part_of_a_page(console: Console, visitor: VisitingClient) -> None:
    reply = await visitor.get("/console/queue/summary", part=True)
    assert "<html" not in reply.text
    assert 'href="/console/queue?lane=critical"' in reply.text
    assert "in the queue" in words(reply)


async def test_filters_stand_in_the_address_and_their_faults_at_their_fields(
    console: Console, visitor: VisitingClient
) -> None:
    await console.waits("ann@one.test", lane=Lane.CRITICAL)
    await console.waits("bo@two.test", "waiting", route=console.world.route(rollup="google"))
    cases = [
        ({"lane": "critical"}, "ann@one.test"), ({"state": "waiting"}, "bo@two.test"),
        ({"recipient": "Ann@one.test"}, "ann@one.test"), ({"domain": "TWO.test"}, "bo@two.test"),
        ({"rollup": "google"}, "bo@two.test"),
        ({"transport": "direct", "rollup": "static:*.test"}, "ann@one.test"),
    ]  # fmt: skip
    for query, found in cases:
        page = words(await visitor.get("/console/queue", **query))
        assert [each for each in ("ann@one.test", "bo@two.test") if each in page] == [found], query
    assert "Nothing of this waits" in words(await visitor.get("/console/queue", domain="nobody.test"))
    assert "google" in words(await visitor.get("/console/queue/destinations", domain="two.test"))
    for query, fault in (
        ({"domain": "a b"}, "no domain"),
        ({"recipient": "ann"}, "no address"),
        ({"hold": "x", "lane": "critical"}, "should match"),
    ):
        reply = await visitor.get("/console/queue", **query)
        assert reply.status_code == 422
        assert fault in words(reply)
    assert (await visitor.get("/console/queue", cursor="nonsense")).status_code == 422


async def test_pages_lead_on_until_everything_was_seen_once(
    console: Console, visitor: VisitingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    there = {f"r{number}@sink.test" for number in range(5)}
    for recipient in sorted(there):
        await console.waits(recipient)
    url, seen = "/console/queue?lane=standard", []
    for number in range(3):
        reply = await visitor.get(url)
        seen += re.findall(r"r\d@sink\.test", words(reply))
        assert ("hx-sse:connect" in reply.text) is (number == 0)
        found = NEXT.search(reply.text)
        assert (found is None) is (number == 2)
        url = unescape(found.group(1)) if found else ""
    assert sorted(seen) == sorted(there)


async def test_another_workspaces_mail_is_not_seen(console: Console, stranger: VisitingClient) -> None:
    await console.waits("secret@sink.test")
    job = await console.queue.first.begin("hold", domain="sink.test", reason="private")
    for path in LISTS:
        page = words(await stranger.get(path))
        assert not [each for each in ("secret", "sink.test", "static", "private") if each in page], path
    assert "Nothing of this waits" in words(await stranger.get("/console/queue", hold=job["id"]))
    assert "changes nothing" in words(await stranger.get("/console/queue/act", action="retry", domain="sink.test"))


async def test_what_hosts_and_callers_say_stays_text(console: Console, visitor: VisitingClient) -> None:
    await console.world.know(Kind.TRANSPORT, "t2", {"name": "<img src=x>", "kind": "direct"}, "w1")
    route = console.world.route(transport="t2")
    last = {"transport": "t2", "outcome": HOSTILE}
    await console.waits('"<b>"@sink.test', route=route, delivery={"last": last})
    await console.queue.first.begin("hold", transport="t2", reason="<script>alert(2)</script>")
    for path in (*LISTS, "/console/queue/act?action=reroute&transport=t2"):
        reply = await visitor.get(path)
        assert reply.status_code == 200, path
        assert not [each for each in ("<script>alert", "<img src=x", '"<b>"@') if each in reply.text], path
    assert "&lt;script&gt;alert(1)" in (await visitor.get("/console/queue")).text
    assert "&lt;script&gt;alert(2)" in (await visitor.get("/console/queue/holds")).text


async def test_buttons_are_for_those_who_may_press_them(console: Console) -> None:
    message = await console.waits()
    reads, acts = await console.narrow("email.history"), await console.narrow("email.history", "email.send")
    for page in [(await reads.get(path)).text for path in LISTS]:
        assert "/console/queue/act" not in page
        assert f"{message.message_id}/retry" not in page
    offered = (await acts.get("/console/queue/act", action="hold")).text
    assert "action=bounce" in offered
    assert "action=reroute" not in offered
    for visitor, action in ((reads, "hold"), (reads, "retry"), (acts, "reroute")):
        assert (await visitor.get("/console/queue/act", action=action)).status_code == 403
