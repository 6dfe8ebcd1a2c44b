"""Broadcast: who gets a transactional e-mail, and what becomes of one that nobody gets (seed 002)."""

from __future__ import annotations

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.broadcast_caller import at_status_url, once, sent
from tests.e2e.compatibility.scoped_keys import operator_of
from tests.e2e.test_doors import received
from tests.fixtures.deployment import eventually


async def suppress_everywhere(account: Account, address: str) -> None:
    async with operator_of(account) as operator:
        body = {"email": address, "type": "bounce"}
        assert (await operator.post("/v1/platform/suppressions", json=body)).status_code == 201


async def test_a_globally_suppressed_recipient_is_accepted_and_not_sent_to(account: Account) -> None:
    to, beside = fresh("ok"), fresh("ok")
    await suppress_everywhere(account, to)
    made = await sent(account, to)
    assert made["sent_at"] is None
    assert (await once(account, made, "status"))["sent_at"] is None
    await received(account, (await sent(account, beside))["recipient_email"])
    assert await account.attempts_to(to) == 0


async def test_a_blocked_one_adds_its_status_and_the_reason_to_the_object(account: Account) -> None:
    to = fresh("ok")
    await suppress_everywhere(account, to)
    made = await sent(account, to)
    shown = await once(account, made, "status")
    assert shown == made | {
        "updated_at": shown["updated_at"],
        "sent_at": None,
        "status": "suppressed",
        "status_reason": "hard_bounce",
    }
    assert shown["updated_at"] > made["updated_at"]


async def test_a_hard_bounce_blocks_what_is_sent_to_that_address_later(account: Account) -> None:
    to = fresh("permfail")
    first = await once(account, await sent(account, to), "status")
    assert (first["sent_at"], first["status"], first["status_reason"]) == (None, "bounced", "invalid_recipient")

    async def is_known() -> bool:
        return (await account.http.get(f"/v1/suppressions/{to}")).status_code == 200

    await eventually(is_known, what=f"the suppression of {to}")
    second = await once(account, await sent(account, to), "status")
    assert (second["sent_at"], second["status"], second["status_reason"]) == (None, "suppressed", "hard_bounce")
    assert await account.attempts_to(to) == 1


async def test_who_is_inactive_or_has_unsubscribed_is_sent_to_all_the_same(account: Account) -> None:
    to = fresh("ok")
    attributes = {"email": to, "is_active": False, "unsubscribed_at": "2025-03-01T00:00:00Z"}
    contact = await account.make("/v1/contacts", attributes=attributes, subscribed=False)
    assert contact["data"]["subscribed"] is False
    made = await sent(account, to)
    await received(account, to)
    shown = await once(account, made, "sent_at")
    assert "status" not in shown


async def test_one_that_is_tried_again_has_no_sent_at_yet(account: Account) -> None:
    made = await sent(account, (to := fresh("tempfail")))

    async def is_tried() -> bool:
        return await account.attempts_to(to) > 0

    await eventually(is_tried, seconds=30, what=f"an attempt to {to}")
    shown = await at_status_url(account, made)
    assert (shown["sent_at"], "status" in shown) == (None, False)
