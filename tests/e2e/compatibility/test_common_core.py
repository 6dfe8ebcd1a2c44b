"""Where the four systems contradict each other: one core, and each tongue keeps its own word."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.plunk_calls import contact
from tests.e2e.compatibility.tongues import TONGUES, messages_to
from tests.fixtures.deployment import eventually


async def in_each(account: Account, headers: dict[str, str] | None = None) -> dict[str, tuple[str, Any]]:
    """A send in each tongue to an address of its own: the address and the reply."""
    addresses = {tongue: fresh("ok") for tongue in TONGUES}
    replies = [await send(account, addresses[tongue], headers or {}) for tongue, send in TONGUES.items()]
    return {tongue: (addresses[tongue], reply) for tongue, reply in zip(TONGUES, replies, strict=True)}


async def listed(account: Account, recipient: str, *statuses: str) -> dict[str, Any]:
    """The one message for a recipient, as soon as it has one of the statuses."""

    async def there() -> list[dict[str, Any]]:
        return [each for each in await messages_to(account, recipient) if each["status"] in statuses]

    (message,) = await eventually(there, seconds=30, what=f"{statuses} for {recipient}")
    return dict(message)


async def test_each_tongue_keeps_its_accept_code(account: Account) -> None:
    replies = await in_each(account)
    assert {tongue: reply.status_code for tongue, (_, reply) in replies.items()} == {
        "leadpush": 202, "broadcast": 201, "plunk": 200, "sendy": 200,
    }  # fmt: skip


async def test_inside_there_is_one_message_for_each_unique_recipient(account: Account) -> None:
    native = [fresh("ok"), fresh("ok"), fresh("ok")]
    ids = await account.send(*native[:2], native[0].upper(), bcc=[native[1], native[2]])
    single, plunk, sendy = fresh("ok"), [fresh("ok"), fresh("ok")], [fresh("ok"), fresh("ok")]
    await account.make("/api/v1/transactionals.json", to=single, subject="s", body="b")
    body = {"to": plunk, "from": account.sender, "subject": "s", "body": "b"}
    emails = (await account.http.post("/v1/send", json=body)).json()["data"]["emails"]
    batch = {"subject": "s", "text": "t", "recipients": [{"to": to} for to in sendy]}
    items = (await account.http.post("/api/v1/emails/batch", json=batch)).json()["data"]
    assert [len(each) for each in (ids, emails, items)] == [3, 2, 2]
    for recipient in (*native, single, *plunk, *sendy):
        await listed(account, recipient, "delivered")


async def test_only_plunk_s_tongue_makes_a_contact_of_an_unknown_recipient(account: Account) -> None:
    replies = await in_each(account)
    made = {tongue: await contact(account, address) is not None for tongue, (address, _) in replies.items()}
    assert made == {"leadpush": False, "broadcast": False, "plunk": True, "sendy": False}


async def test_a_suppressed_recipient_is_accepted_and_ends_suppressed_with_a_reason(account: Account) -> None:
    addresses = {tongue: fresh("ok") for tongue in TONGUES}
    for address in addresses.values():
        await account.make("/v1/suppressions", email=address, reason="asked by telephone")
    replies = {tongue: await send(account, addresses[tongue], {}) for tongue, send in TONGUES.items()}
    assert all(reply.is_success for reply in replies.values())
    messages = await asyncio.gather(*(listed(account, address, "suppressed") for address in addresses.values()))
    for message in messages:
        (checked,) = await account.steps(message["uuid"], "checked")
        assert (checked["verdict"], checked["reason"]) == ("suppressed", "manual")
        assert await account.attempts_to(message["recipient"]) == 0


async def test_who_has_unsubscribed_gets_transactional_mail_in_every_tongue(account: Account) -> None:
    addresses = {tongue: fresh("ok") for tongue in TONGUES}
    for address in addresses.values():
        await account.make("/v1/contacts", attributes={"email": address}, subscribed=False)
    for tongue, send in TONGUES.items():
        assert (await send(account, addresses[tongue], {})).is_success, tongue
    await asyncio.gather(*(listed(account, address, "delivered") for address in addresses.values()))


async def test_a_used_idempotency_key_is_replayed_but_refused_in_plunk_s_tongue(account: Account) -> None:
    for tongue, send in TONGUES.items():
        to = fresh("ok")
        headers = {"Idempotency-Key": f"key-of-{to.partition('@')[0]}"}
        first, again = [await send(account, to, headers) for _ in range(2)]
        if tongue == "plunk":
            assert (first.status_code, again.status_code) == (200, 409)
        else:
            assert (again.status_code, again.content) == (first.status_code, first.content), tongue
        await listed(account, to, "delivered")


async def test_one_fault_is_told_in_four_shapes(account: Account) -> None:
    told = {tongue: await send(account, "nobody", {}) for tongue, send in TONGUES.items()}
    assert {reply.status_code for reply in told.values()} == {422}
    bodies = {tongue: reply.json() for tongue, reply in told.items()}
    assert told["leadpush"].headers["content-type"] == "application/problem+json"
    assert [each["pointer"] for each in bodies["leadpush"]["errors"]] == ["#/to/0"]
    assert set(bodies["broadcast"]) == {"errors"}
    assert set(bodies["broadcast"]["errors"]) == {"recipient_email"}
    assert [each["field"] for each in bodies["plunk"]["error"]["errors"]] == ["to"]
    assert bodies["sendy"]["success"] is False
    assert set(bodies["sendy"]["error"]) == {"code", "message", "details"}


async def test_one_state_is_shown_in_each_tongue_s_words(account: Account) -> None:
    replies = await in_each(account)
    messages = {tongue: await listed(account, address, "delivered") for tongue, (address, _) in replies.items()}
    native = await account.email(replies["leadpush"][1].json()["data"]["messages"][0]["uuid"])
    email = await account.email(replies["plunk"][1].json()["data"]["emails"][0]["email"])
    assert [each["status"] for each in (native, email)] == ["delivered", "delivered"]
    number = replies["broadcast"][1].json()["id"]
    shown = await account.get(f"/api/v1/transactionals/{number}.json")
    assert shown["sent_at"] is not None
    told = (await account.get(f"/api/v1/emails/{replies['sendy'][1].json()['data']['id']}"))["data"]
    assert (told["status"], told["unified_status"]) == ("sent", "delivered")
    assert all(message["status"] == "delivered" for message in messages.values())
