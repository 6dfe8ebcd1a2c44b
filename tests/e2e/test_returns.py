"""What comes back by mail, from the return door to the API, the webhooks, the suppressions and the sender's mailbox."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any

from tests.e2e.account import Account, fresh
from tests.e2e.returned import COMPLAINTS, answer_to, arrived, bring, bring_back, shows
from tests.fixtures.deployment import eventually
from tests.unit.sender.returns.corpus import raw


async def suppression(account: Account, address: str) -> dict[str, Any]:
    async def there() -> dict[str, Any]:
        reply = await account.http.get(f"/v1/suppressions/{address}")
        return dict(reply.json()["data"]) if reply.status_code == 200 else {}

    return await eventually(there, seconds=30, what=f"the suppression of {address}")


async def test_a_bounce_after_the_delivery_is_told_and_stops_the_address(listener: Account) -> None:
    name, _ = await listener.hook("email.bounced", "email.delivered")
    recipient = fresh("ok")
    (message_id,) = await listener.send(recipient)
    await listener.reaches(message_id, "delivered")
    kept, _ = await arrived(listener, recipient)
    await bring_back(listener, "postfix-delayed", kept)
    await bring_back(listener, "postfix-unknown", kept)
    bounced = await listener.reaches(message_id, "bounced")
    assert bounced["delivered_at"] <= bounced["bounced_at"]
    assert (bounced["last_reply"]["code"], bounced["last_reply"]["class"]) == (550, "invalid_recipient")
    told = {each["json"]["type"]: each["json"]["data"] for each in await listener.hooked(name, 2, message_id)}
    assert told["email.bounced"].items() >= {"oob": True, "hard": True, "class": "invalid_recipient"}.items()
    assert told["email.bounced"]["sequence"] > told["email.delivered"]["sequence"]
    (delay,) = await listener.steps(message_id, "reported")
    assert delay["data"]["action"] == "delayed"
    entry = await suppression(listener, recipient)
    assert entry["type"] == "bounce"
    (second,) = await listener.send(recipient)
    await listener.reaches(second, "suppressed")


async def test_a_complaint_stops_the_address_and_not_spam_does_not(listener: Account) -> None:
    name, _ = await listener.hook("email.complained")
    angry, content = fresh("ok"), fresh("ok")
    of_angry, of_content = await listener.send(angry, content)
    for message_id in (of_angry, of_content):
        await listener.reaches(message_id, "delivered")
    kept, _ = await arrived(listener, content)
    await bring(listener, raw("arf-not-spam", kept["sender"]), COMPLAINTS)
    kept, _ = await arrived(listener, angry)
    await bring(listener, raw("arf-yahoo", kept["sender"]), COMPLAINTS, sender="feedback@arf.mail.yahoo.example")
    (told,) = await listener.hooked(name, 1, of_angry, of_content)
    assert (told["json"]["data"]["message_id"], told["json"]["data"]["feedback_type"]) == (of_angry, "abuse")
    assert (await suppression(listener, angry))["type"] == "complaint"
    assert (await shows(listener, of_angry, "complained_at"))["status"] == "delivered"
    (noted,) = await listener.steps(of_content, "reported")
    assert noted["data"]["action"] == "not_spam"
    assert (await listener.http.get(f"/v1/suppressions/{content}")).status_code == 404


async def test_a_reply_arrives_in_the_mailbox_that_it_was_meant_for(listener: Account) -> None:
    name, _ = await listener.hook("email.replied")
    recipient, mailbox = fresh("ok"), fresh("ok")
    fields: dict[str, Any] = {"reply_to": f"Help <{mailbox}>", "tracking": {"replies": True}}
    (message_id,) = await listener.send(recipient, **fields)
    await listener.reaches(message_id, "delivered")
    _, message = await arrived(listener, recipient)
    shown, address = parseaddr(message["reply-to"])
    assert (shown, address.partition("+")[0]) == ("Help", "replies")
    answer = answer_to(message, f"Jane Doe <{recipient}>", "Yes, please.")
    for _ in range(2):  # a host that has lost our reply brings it again
        await bring(listener, answer, address, sender=recipient)
    replied = await shows(listener, message_id, "replied_at")
    assert (replied["status"], replied["unified_status"]) == ("delivered", "replied")
    (told,) = await listener.hooked(name, 1, message_id)
    assert told["json"]["data"]["message_id"] == message_id
    kept, passed_on = await arrived(listener, mailbox)
    assert parseaddr(passed_on["from"]) == ("Jane Doe", listener.sender)
    assert parseaddr(passed_on["reply-to"]) == ("Jane Doe", recipient)
    assert passed_on["in-reply-to"] == message["message-id"]
    assert passed_on.get_content().strip() == "Yes, please."
    assert kept["sender"].startswith("b+")

    async def listed() -> list[dict[str, Any]]:
        return list((await listener.http.get("/v1/emails", params={"recipient": mailbox})).json()["data"])

    (forwarded,) = await eventually(listed, what=f"the mail to {mailbox} in the list")
    assert forwarded["tags"] == ["reply"]
    await listener.reaches(forwarded["uuid"], "delivered")
    assert await listener.deliveries_to(mailbox) == 1
