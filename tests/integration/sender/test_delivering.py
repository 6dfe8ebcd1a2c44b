"""The sender from a cleared record to its event, on real Kafka, MongoDB and SMTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dkim
import pytest

from services.ingest.projection.waits import first_wait
from shared.contracts.messages import LastAttempt, Verdict, VerdictKind
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import EVENTS, Lane, cleared, dead_letters
from shared.dkim_keys import txt_record
from shared.kafka.dead_letter import text_headers
from shared.kafka.publish import REPEATED
from shared.secrets import address_hmac
from tests.fixtures.deployment import eventually
from tests.integration.sender.world import World


async def test_a_cleared_message_is_delivered_once_signed_and_said(world: World) -> None:
    message = await world.message()
    async with world.sender():
        await world.clear(message, message)
        (event,) = await world.events(message, "delivered")
        await world.clear(message)
        after = await world.message("ok+after@sink.test")
        await world.clear(after)
        await world.events(after, "delivered")
    received = await world.at_sink("ok@sink.test")
    assert len(received) == 1
    raw = (await world.sink.http.get(f"/messages/{received[0]['id']}/raw")).content
    assert dkim.verify(raw, dnsfunc=lambda *_, **__: txt_record(world.public_key).encode())
    assert event.attempt == 1
    assert event.data["code"] == 250
    assert event.data["host"] == "127.0.0.1"
    assert [step["stage"] for step in event.data["transcript"]][-1] == "dot"
    assert event.data["route"]["transport"] == "direct"
    assert event.data["verdict"]["kind"] == "send"
    delivery = await world.delivery(message)
    assert delivery["state"] == "ended"
    assert not {"record", "lease", "unpublished"} & delivery.keys()
    assert delivery["purge_at"] > datetime.now(UTC) + timedelta(days=30)


async def test_an_outcome_tells_how_long_its_message_had_waited_for_the_attempt(world: World) -> None:
    message = await world.message(accepted_at=datetime.now(UTC) - timedelta(seconds=7))
    async with world.sender():
        await world.clear(message)
        (event,) = await world.events(message, "delivered")
    wait = first_wait(event)
    assert wait is not None
    assert timedelta(seconds=7) <= wait <= event.occurred_at - event.accepted_at


async def test_a_replayed_record_says_the_last_event_again_and_sends_nothing(world: World) -> None:
    message = await world.message()
    async with world.sender():
        await world.clear(message)
        await world.events(message, "delivered")
        await world.clear(message)

        async def said_twice() -> bool:
            return len(await world.deployment.records(EVENTS)) >= 2

        await eventually(said_twice)
        assert len(await world.events(message, "delivered")) == 1
        records = await world.deployment.records(EVENTS)
        assert [REPEATED in text_headers(each) for each in records] == [False, True]
    assert await world.attempts_at_sink("ok@sink.test") == 1


async def test_a_deferred_message_goes_back_to_the_router_and_comes_again(world: World) -> None:
    message = await world.message("defer-once@sink.test")
    async with world.sender():
        await world.clear(message)
        (deferred,) = await world.events(message, "deferred")
        (again,) = await world.returned()
        assert (again.pass_, again.attempt, again.route, again.verdict) == (1, 1, None, None)
        assert again.last is not None
        assert again.last.scope == "recipient"
        await world.clear(again.with_changes(route=world.route(), verdict=message.verdict))
        _, delivered = await world.events(message, "deferred", "delivered")
    assert deferred.data["code"] == 451
    assert datetime.fromisoformat(deferred.data["next_at"]) > deferred.occurred_at
    assert (delivered.pass_, delivered.attempt) == (1, 2)
    assert len(await world.at_sink("defer-once@sink.test")) == 1


async def test_a_released_message_is_taken_at_just_its_pass(world: World) -> None:
    message = await world.message("tempfail@sink.test")
    async with world.sender(retry_delays=[0.2]):
        await world.clear(message)
        (again,) = await world.returned()
        back = again.with_changes(route=world.route(), verdict=message.verdict)
        await world.clear(back.with_changes(pass_=5), message)
        after = await world.message("ok+after@sink.test")
        await world.clear(after)
        await world.events(after, "delivered")
        assert (await world.delivery(message))["state"] == "released"
        await world.clear(back)

        async def twice() -> bool:
            return await world.attempts_at_sink("tempfail@sink.test") == 2

        await eventually(twice)


async def test_a_refused_recipient_bounces_hard(world: World) -> None:
    message = await world.message("permfail@sink.test")
    async with world.sender():
        await world.clear(message)
        (event,) = await world.events(message, "bounced")
    assert (event.data["code"], event.data["enhanced"], event.data["class"]) == (550, "5.1.1", "invalid_recipient")
    assert event.data["hard"] is True


@pytest.mark.parametrize(
    ("kind", "reason", "evidence", "type_", "data"),
    [
        (VerdictKind.SUPPRESSED, "hard_bounce", {}, "suppressed", {"reason": "hard_bounce"}),
        (VerdictKind.NO_ROUTE, "no_transport", {}, "failed", {"reason": "no_transport"}),
        (VerdictKind.EXPIRED, "expired", {}, "failed", {"reason": "expired"}),
        (
            VerdictKind.REJECT,
            "null_mx",
            {"class": "invalid_domain", "code": 556, "enhanced": "5.1.10"},
            "bounced",
            {"class": "invalid_domain", "code": 556, "hard": True},
        ),
    ],
)
async def test_a_verdict_ends_a_message_without_an_attempt(
    world: World, kind: VerdictKind, reason: str, evidence: dict[str, Any], type_: str, data: dict[str, Any]
) -> None:
    verdict = Verdict(kind=kind, reason=reason, evidence=evidence, by="router", checked_at=datetime.now(UTC))
    message = await world.message(verdict=verdict)
    async with world.sender():
        await world.clear(message)
        (event,) = await world.events(message, type_)
    assert event.data.items() >= data.items()
    assert event.attempt == 0
    assert await world.attempts_at_sink("ok@sink.test") == 0
    assert (await world.delivery(message))["state"] == "ended"


async def test_a_verdict_to_wait_burns_no_attempt_and_forgets_nothing(world: World) -> None:
    now = datetime.now(UTC)
    verdict = Verdict(kind=VerdictKind.WAIT_UNTIL, until=now, reason="dns", by="router", checked_at=now)
    last = LastAttempt(transport="direct", outcome="450 4.2.0 greylisted", scope="recipient")
    message = await world.message(verdict=verdict, attempt=2, last=last)
    async with world.sender():
        await world.clear(message)
        (again,) = await world.returned()
        assert (again.pass_, again.attempt, again.last) == (1, 2, last)
        expired = Verdict(kind=VerdictKind.EXPIRED, reason="expired", by="router", checked_at=now)
        await world.clear(again.with_changes(verdict=expired))
        (event,) = await world.events(message, "failed")
    assert event.data.items() >= {"reason": "expired", "code": 450, "reply": "4.2.0 greylisted"}.items()


async def test_a_domain_that_is_not_known_yet_is_waited_for(world: World) -> None:
    last = LastAttempt(transport="direct", outcome="450 4.2.0 greylisted", scope="recipient")
    message = await world.message(last=last)
    newer = message.with_changes(versions=message.versions.with_changes(domain=2))
    async with world.sender():
        await world.clear(newer)
        (again,) = await world.returned()
    assert (again.attempt, again.last) == (0, last)
    assert await world.attempts_at_sink("ok@sink.test") == 0


async def test_a_lost_reply_after_the_dot_is_ambiguous_and_handled_by_policy(world: World) -> None:
    retry = await world.message("drop-after-dot+retry@sink.test")
    fail = await world.message("drop-after-dot+fail@sink.test", on_ambiguous="fail")
    async with world.sender():
        await world.clear(retry, fail)
        (first,) = await world.events(retry, "ambiguous")
        (last,) = await world.events(fail, "ambiguous")
        (again,) = await world.returned()
        assert (await world.delivery(fail))["state"] == "ended"
    assert first.data["policy"] == "retry"
    assert last.data["policy"] == "fail"
    assert again.message_id == retry.message_id
    assert await world.attempts_at_sink("drop-after-dot+fail@sink.test") == 1


async def test_a_suppression_that_comes_while_a_message_waits_stops_its_next_attempt(world: World) -> None:
    """The change is read before the record: intake inserts first and looks changes up then."""
    message = await world.message("ok+late@sink.test")
    change = SuppressionChange(
        change_id="c1",
        scope="workspace:w1",
        workspace_id="w1",
        address_hmac=address_hmac(world.deployment.shared.pepper_bytes, "OK+late@sink.test"),
        change="added",
        reason="manual",
        # of a moment before the check: on which side of it the check looked, no clock can tell
        occurred_at=datetime.now(UTC) - timedelta(seconds=5),
    )
    async with world.sender():
        await world.change(change)
        stored = world.deployment.database("sender")["suppression_changes"]

        async def is_stored() -> bool:
            return await stored.count_documents({}) == 1

        await eventually(is_stored)
        await world.clear(message)
        (again,) = await world.returned()
    assert (again.pass_, again.attempt) == (1, 0)
    assert await world.attempts_at_sink("ok+late@sink.test") == 0


async def test_an_undecodable_record_goes_to_the_dead_letters_and_the_next_is_delivered(world: World) -> None:
    message = await world.message()
    await world.deployment.publish(cleared(Lane.STANDARD), [("x", b"{", {})])
    async with world.sender():
        await world.clear(message)
        await world.events(message, "delivered")
        assert len(await world.deployment.records(dead_letters(cleared(Lane.STANDARD)), 1)) == 1


async def test_content_that_is_gone_ends_the_message(world: World) -> None:
    message = await world.message(content_id="gone")
    async with world.sender():
        await world.clear(message)
        (event,) = await world.events(message, "failed")
    assert "content" in event.data["reply"]


async def test_many_messages_are_delivered_each_once(world: World) -> None:
    content = await world.content()
    messages = [await world.message(f"ok+{number}@sink.test", content_id=content) for number in range(300)]
    async with world.sender():
        await world.clear(*messages)

        async def all_ended() -> bool:
            deliveries = world.deployment.database("sender")["deliveries"]
            return await deliveries.count_documents({"state": "ended", "unpublished": {"$exists": False}}) == 300

        await eventually(all_ended, seconds=40)
    counts = (await world.sink.http.get("/counts")).json()
    assert set(counts["deliveries"].values()) == {1}
    assert len(counts["deliveries"]) == 300
