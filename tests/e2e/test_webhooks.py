"""Webhooks as their receiver sees them: signed, told once for each event, and tried again."""

from __future__ import annotations

from standardwebhooks import Webhook

from tests.e2e.account import Account, fresh


async def test_a_delivery_is_told_in_a_signed_webhook(listener: Account) -> None:
    name, endpoint = await listener.hook("email.accepted", "email.delivered")
    recipient = fresh("ok")
    (message_id,) = await listener.send(recipient, tags=["login"], metadata={"user": "17"})
    got = {each["json"]["type"]: each for each in await listener.hooked(name, 2, message_id)}
    assert set(got) == {"email.accepted", "email.delivered"}
    for webhook in got.values():
        assert webhook["verified"] is True
        assert Webhook(endpoint["secret"]).verify(webhook["body"], webhook["headers"]) == webhook["json"]
        data = webhook["json"]["data"]
        assert (data["message_id"], data["recipient"], data["from"]) == (message_id, recipient, listener.sender)
        assert (data["tags"], data["metadata"]) == (["login"], {"user": "17"})
    assert got["email.delivered"]["json"]["data"]["code"] == 250
    assert len({each["headers"]["webhook-id"] for each in got.values()}) == 2


async def test_an_endpoint_that_fails_gets_the_same_webhook_again(listener: Account) -> None:
    name, endpoint = await listener.hook("email.delivered", path="/fail-first/2")
    (message_id,) = await listener.send(fresh("ok"))
    got = await listener.hooked(name, 3, message_id)
    assert [each["status"] for each in got] == [503, 503, 200]
    assert len({(each["headers"]["webhook-id"], each["body"]) for each in got}) == 1
    assert all(each["verified"] for each in got)
    page = await listener.get(f"/v1/webhooks/{endpoint['id']}/attempts")
    assert [(each["message_id"], each["attempt"]) for each in page["data"]][-1] == (message_id, 1)


async def test_what_happens_to_a_message_is_told_in_the_customers_words(listener: Account) -> None:
    name, _ = await listener.hook("email.deferred", "email.delivered", "email.bounced")
    retried, refused = await listener.send(fresh("defer-once"), fresh("permfail"))
    told = [each["json"] for each in await listener.hooked(name, 3, retried, refused)]
    of_retried = sorted((each for each in told if each["data"]["message_id"] == retried), key=_sequence)
    (bounced,) = (each for each in told if each["data"]["message_id"] == refused)
    assert [each["type"] for each in of_retried] == ["email.deferred", "email.delivered"]
    assert of_retried[0]["data"]["next_at"] > of_retried[0]["timestamp"]
    assert (bounced["type"], bounced["data"]["class"], bounced["data"]["hard"]) == (
        "email.bounced", "invalid_recipient", True,
    )  # fmt: skip
    assert not {"route", "verdict", "transcript", "timings", "ip"} & {key for each in told for key in each["data"]}


def _sequence(webhook: dict) -> int:
    return int(webhook["data"]["sequence"])
