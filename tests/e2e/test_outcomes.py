"""What becomes of a message when the recipient's server says something else than yes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.e2e.account import Account, fresh
from tests.fixtures.deployment import eventually


def time_of(entry: dict[str, Any], name: str = "at") -> datetime:
    return datetime.fromisoformat(entry[name])


async def test_a_temporary_failure_is_retried_on_schedule_until_the_message_expires(account: Account) -> None:
    recipient = fresh("tempfail")
    expires_at = datetime.now(UTC) + timedelta(seconds=6)
    (message_id,) = await account.send(recipient, expires_at=expires_at.isoformat())
    deferred = await account.reaches(message_id, "deferred")
    assert deferred["next_attempt_at"]
    await account.reaches(message_id, "failed")
    attempts = await account.steps(message_id, "attempt")
    assert [attempt["attempt"] for attempt in attempts] == list(range(1, len(attempts) + 1))
    assert len(attempts) == await account.attempts_to(recipient) > 1
    assert await account.deliveries_to(recipient) == 0
    for attempt, following in pairwise(attempts):
        assert (attempt["event"], attempt["code"], attempt["enhanced"]) == ("deferred", 451, "4.3.0")
        waited = (time_of(attempt, "next_at") - time_of(attempt)).total_seconds()
        assert 0.8 <= waited <= 1.25  # the schedule says 1 s, give or take a fifth
        assert time_of(following) >= time_of(attempt, "next_at")
    # the last one may end a moment after it: it began before
    assert max(map(time_of, attempts[:-1])) < expires_at
    assert max(time_of(attempt, "next_at") for attempt in attempts[:-1]) < expires_at
    (ended,) = await account.steps(message_id, "failed") or attempts[-1:]
    assert "expired" in (ended.get("class"), ended.get("data", {}).get("reason")), ended


async def test_greylisting_ends_in_one_delivery(account: Account) -> None:
    recipient = fresh("greylist")
    (message_id,) = await account.send(recipient)
    await account.reaches(message_id, "delivered")
    first, *_, last = await account.steps(message_id, "attempt")
    assert (first["event"], first["class"], last["event"]) == ("deferred", "greylisted", "delivered")
    assert await account.deliveries_to(recipient) == 1


async def test_an_address_that_bounced_hard_is_not_tried_again(account: Account) -> None:
    recipient = fresh("permfail")
    (first,) = await account.send(recipient)
    await account.reaches(first, "bounced")
    (attempt,) = await account.steps(first, "attempt")
    assert (attempt["code"], attempt["class"], attempt["hard"]) == (550, "invalid_recipient", True)

    async def suppressed() -> dict[str, Any] | None:
        reply = await account.http.get(f"/v1/suppressions/{recipient}")
        return reply.json()["data"] if reply.status_code == 200 else None

    entry = await eventually(suppressed, what=f"the suppression of {recipient}")
    assert entry is not None
    assert entry["type"] == "bounce"
    (second,) = await account.send(recipient)
    await account.reaches(second, "suppressed")
    assert await account.steps(second, "attempt") == []
    (checked,) = await account.steps(second, "checked")
    assert (checked["verdict"], checked["scope"]) == ("suppressed", f"workspace:{account.home['workspace']}")
    assert await account.attempts_to(recipient) == 1


async def test_a_suppression_stops_a_message_that_waits(account: Account) -> None:
    recipient = fresh("tempfail")
    (message_id,) = await account.send(recipient)
    await account.reaches(message_id, "deferred")
    await account.make("/v1/suppressions", email=recipient)
    await account.reaches(message_id, "suppressed")
    tried = await account.attempts_to(recipient)
    assert tried == len(await account.steps(message_id, "attempt"))
    assert await account.deliveries_to(recipient) == 0


async def test_a_lost_reply_to_the_dot_is_told_and_tried_again(account: Account) -> None:
    once, always = fresh("drop-after-dot-once"), fresh("drop-after-dot")
    delivered, given_up = await account.send(once, always, on_ambiguous="retry")
    await account.reaches(delivered, "delivered")
    assert [attempt["event"] for attempt in await account.steps(delivered, "attempt")] == ["ambiguous", "delivered"]
    assert [kept["acknowledged"] for kept in await account.mail(once)] == [True, False]
    await account.reaches(given_up, "failed")
    assert {attempt["event"] for attempt in await account.steps(given_up, "attempt")} == {"ambiguous"}
    assert await account.deliveries_to(always) == 2  # the schedule has one retry for it


async def test_a_lost_reply_to_the_dot_ends_a_message_that_must_not_come_twice(account: Account) -> None:
    recipient = fresh("drop-after-dot-once")
    (message_id,) = await account.send(recipient, on_ambiguous="fail")
    await account.reaches(message_id, "failed")
    (attempt,) = await account.steps(message_id, "attempt")
    assert (attempt["event"], attempt["stage"]) == ("ambiguous", "dot")
    assert await account.deliveries_to(recipient) == 1
