"""What the queue's buttons do: as the API does it, to the visitor's own mail alone, and once it was asked for well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.sender.console import acting
from services.sender.queue import asking
from shared.contracts.entities import Kind
from shared.contracts.messages import Message
from tests.fixtures.console import VisitingClient, is_led_to_sign_in, notice, words
from tests.integration.sender.console.conftest import Console
from tests.integration.sender.queue_world import back_from_router

ACTIONS = ("retry", "hold", "release", "reroute", "bounce")
FIELDS = {"hold": {"reason": "x"}, "bounce": {"reason": "x"}}


def paths_of(message: Message) -> list[str]:
    return [f"/console/queue/{action}" for action in ACTIONS] + [f"/console/queue/messages/{message.message_id}/retry"]


async def test_a_message_is_tried_at_once_and_leads_back_to_where_that_was_asked(
    console: Console, visitor: VisitingClient
) -> None:
    message = await console.waits("ok@sink.test", content_id=await console.world.content())
    back = f"/console/messages/{message.message_id}"
    async with console.world.sender():
        reply = await visitor.send(f"/console/queue/messages/{message.message_id.upper()}/retry", back=back)
        assert (reply.status_code, reply.headers["location"]) == (303, back)
        assert notice(reply, visitor) == "Retry now: 1 message due now."
        await back_from_router(console.world)
        await console.world.events(message, "delivered")
        again = await visitor.send(f"/console/queue/messages/{message.message_id}/retry")
    assert again.headers["location"] == "/console/queue"
    assert notice(again, visitor) == "Retry now: 0 messages due now; left as they were: 1 ended already."
    assert "Retry now 1 message" in words(await visitor.get("/console/queue/jobs"))


async def test_what_is_ticked_is_held_and_released(console: Console, visitor: VisitingClient) -> None:
    one, other, free = [await console.waits(f"{name}@sink.test") for name in ("one", "other", "free")]
    ids = [one.message_id, other.message_id]
    asked = words(await visitor.get("/console/queue/act", action="hold", messages=one.message_id))
    assert "changes 1 message" in asked
    assert "one@sink.test" in asked
    async with console.world.sender(retry_delays=[600]):
        reply = await visitor.send("/console/queue/hold", messages=ids, reason="look at them", back="/console/queue")
        assert notice(reply, visitor) == "Hold: 2 messages held."
        for message in (one, other):
            assert (await console.state_of(message, "held"))["hold"]
        assert (await console.world.delivery(free))["state"] == "deferred"
        holds = await visitor.get("/console/queue/holds")
        assert "2 messages look at them" in words(holds)
        assert "look at them" in words(await visitor.get("/console/queue", state="held"))
        (hold,) = (await console.queue.first.get("/holds"))["data"]
        assert f"/console/queue?hold={hold['id']}" in holds.text
        listed = words(await visitor.get("/console/queue", hold=hold["id"]))
        assert "one@sink.test" in listed
        assert "free@sink.test" not in listed
        reply = await visitor.send("/console/queue/release", hold=hold["id"], back="/console/queue/holds")
        assert notice(reply, visitor) == "Release: 2 messages released."
    assert (await console.queue.first.get("/holds"))["data"] == []


async def test_what_a_filter_selects_ends_for_a_reason(console: Console, visitor: VisitingClient) -> None:
    ends, stays = await console.waits("ann@ends.test"), await console.waits("bo@stays.test")
    counted = await visitor.send("/console/queue/act", action="bounce", domain="ends.test", reason="sent by mistake")
    assert "changes 1 message (all mail to ends.test)" in words(counted)
    assert 'value="sent by mistake"' in counted.text
    assert await console.jobs() == []
    async with console.world.sender():
        reply = await visitor.send("/console/queue/bounce", domain="ends.test", reason="sent by mistake")
        assert notice(reply, visitor) == "Bounce: 1 message ended as failed."
        *_, event = await console.world.events(ends, "failed")
    assert event.data["detail"] == "sent by mistake"
    assert (await console.world.delivery(stays))["state"] == "deferred"


async def test_mail_takes_the_transport_that_was_chosen(console: Console, visitor: VisitingClient) -> None:
    await console.world.know(Kind.TRANSPORT, "relay", {"name": "Frankfurt relay", "kind": "smarthost"})
    await console.world.know(Kind.TRANSPORT, "theirs", {"name": "Theirs", "kind": "smarthost"}, "w2")
    message = await console.waits()
    page = words(await visitor.get("/console/queue/act", action="reroute", domain="sink.test"))
    assert "Frankfurt relay" in page
    assert "Theirs" not in page
    for to in ("theirs", "nowhere"):
        reply = await visitor.send("/console/queue/reroute", domain="sink.test", to=to)
        assert reply.status_code == 422
        assert "no such transport" in words(reply)
    async with console.world.sender(retry_delays=[600]):
        reply = await visitor.send("/console/queue/reroute", messages=[message.message_id], to="relay")
        assert notice(reply, visitor) == "Reroute: 1 message sent another way."
    (job,) = await console.jobs()
    assert (job["to"], job["changed"]) == ("relay", 1)
    assert "to go by Frankfurt relay" in words(await visitor.get("/console/queue/jobs"))


async def test_bad_input_comes_back_with_its_faults_and_does_nothing(
    console: Console, visitor: VisitingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await console.waits()
    past = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    cases = [
        ("bounce", {"domain": "sink.test"}, "Field required"),
        ("hold", {"domain": "a b", "reason": "keep <me>"}, "no domain"),
        ("hold", {"domain": "sink.test", "reason": "keep <me>", "until": past}, "must lie in the future"),
        ("hold", {"domain": "sink.test", "reason": "keep <me>", "until": "soon"}, "valid datetime"),
        ("retry", {}, "Name messages"),
        ("release", {}, "Name one hold, or select messages"),
        ("release", {"hold": "0190b7a4-5c3e-7d11-8a52-3f6f1f3f9a10"}, "no such hold"),
    ]
    for action, fields, fault in cases:
        reply = await visitor.send(f"/console/queue/{action}", **fields)
        assert reply.status_code == 422, action
        assert fault in words(reply), words(reply)
        if "reason" in fields:
            assert 'value="keep &lt;me&gt;"' in reply.text
    monkeypatch.setattr(asking, "MOST_HOLDS", 0)
    reply = await visitor.send("/console/queue/hold", domain="sink.test", reason="x")
    assert reply.status_code == 409
    assert "holds already" in words(reply)
    assert await console.jobs() == []
    assert (await console.queue.first.get("/holds"))["data"] == []


async def test_another_workspaces_message_is_not_there_and_stays_as_it_is(
    console: Console, stranger: VisitingClient
) -> None:
    message = await console.waits()
    for id_ in (message.message_id, "0190b7a4-5c3e-7d11-8a52-3f6f1f3f9a10", "nonsense"):
        assert (await stranger.send(f"/console/queue/messages/{id_}/retry")).status_code == 404
    assert await console.jobs() == []
    theirs = await stranger.send("/console/queue/retry", workspace="w1")
    assert theirs.status_code == 404
    async with console.world.sender(retry_delays=[600]):
        for action in ACTIONS:
            fields = FIELDS.get(action, {})
            await stranger.send(f"/console/queue/{action}", messages=[message.message_id], **fields)
            await stranger.send(f"/console/queue/{action}", domain="sink.test", **fields)
    assert [job["changed"] for job in await console.jobs()] == [0] * 10
    assert (await console.world.delivery(message))["state"] == "deferred"


async def test_only_own_forms_of_who_may_are_taken(console: Console, visitor: VisitingClient) -> None:
    message = await console.waits()
    nobody = VisitingClient(visitor.http, visitor.sessions, None)
    reads, sends = await console.narrow("email.history"), await console.narrow("email.history", "email.send")
    for path in paths_of(message):
        fields = {"domain": "sink.test", "reason": "x"}
        assert (await visitor.send(path, token="0" * 64, **fields)).status_code == 403, path
        assert (await visitor.send(path, token="", **fields)).status_code == 403, path
        assert (await reads.send(path, **fields)).status_code == 403, path
        assert is_led_to_sign_in(await nobody.send(path, **fields)), path
    assert (await sends.send("/console/queue/reroute", domain="sink.test")).status_code == 403
    assert await console.jobs() == []


async def test_what_takes_longer_is_said_to_be_asked_for(
    console: Console, visitor: VisitingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "DONE_SECONDS", 0)
    reply = await visitor.send("/console/queue/retry", workspace="w1", back="https://evil.example/")
    assert reply.headers["location"] == "/console"
    assert (notice(reply, visitor) or "").startswith("Retry now: asked for.")
    page = words(await visitor.get("/console/queue/jobs"))
    assert "under way Retry now all mail" in page
    assert "test" in page  # the name of the key that asked
