"""The ways out: a smart host that takes the message, and one that is down."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.e2e.account import Account, fresh


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else gets meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_a_smart_host_relays(routed: Account) -> None:
    smart = await routed.transport(routed.stack.ports["sink_smtp"])
    await routed.route(smart["id"], "direct")
    recipient = fresh("ok")
    (message_id,) = await routed.send(recipient)
    email = await routed.reaches(message_id, "sent")
    assert email["route"]["transport"] == smart["id"]
    (decision,) = await routed.steps(message_id, "routed")
    taken, lost = decision["candidates"]
    assert (taken["transport"], taken.get("lost")) == (smart["id"], None)
    assert (lost["transport"], lost["lost"]) == ("direct", "a transport before it in the failover order was taken")
    assert await routed.deliveries_to(recipient) == 1


async def test_a_smart_host_that_is_down_is_passed_over_at_the_retry(routed: Account, dead_port: int) -> None:
    smart = await routed.transport(dead_port)
    await routed.route(smart["id"], "direct")
    recipient = fresh("ok")
    (message_id,) = await routed.send(recipient)
    await routed.reaches(message_id, "delivered")
    failed, delivered = await routed.steps(message_id, "attempt")
    assert (failed["event"], failed["scope"], failed["stage"]) == ("deferred", "transport", "connect")
    assert delivered["event"] == "delivered"
    first, second = await routed.steps(message_id, "routed")
    assert (first["transport"], second["transport"]) == (smart["id"], "direct")
    why = {candidate["transport"]: candidate.get("lost") for candidate in second["candidates"]}
    assert why["direct"] is None
    assert "its last attempt failed" in why[smart["id"]]
    assert await routed.attempts_to(recipient) == await routed.deliveries_to(recipient) == 1


async def test_greylisted_mail_stays_on_the_transport_that_was_told_to_come_again(routed: Account) -> None:
    smart = await routed.transport(routed.stack.ports["sink_smtp"], name="greylisted")
    await routed.route(smart["id"], "direct")
    recipient = fresh("greylist")
    (message_id,) = await routed.send(recipient)
    await routed.reaches(message_id, "sent")
    attempts = await routed.steps(message_id, "attempt")
    assert {attempt["scope"] for attempt in attempts[:-1]} == {"recipient"}
    first, *later = await routed.steps(message_id, "routed")
    assert later  # it was tried again
    for decision in (first, *later):
        assert decision["transport"] == smart["id"]
        why = {candidate["transport"]: candidate.get("lost") for candidate in decision["candidates"]}
        assert why[smart["id"]] is None
    assert {decision["why"] for decision in later} == {"the message stays on the transport of its last attempt"}
    assert await routed.deliveries_to(recipient) == 1
