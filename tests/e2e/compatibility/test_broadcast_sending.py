"""Broadcast: sending a transactional e-mail, its object, and what the recipient gets (seed 002)."""

from __future__ import annotations

import re

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.broadcast_caller import SEND, at_status_url, once, order, sent
from tests.e2e.compatibility.scoped_keys import client_of, key_with
from tests.e2e.test_doors import received

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_a_token_may_write_or_read_below_api_v1(account: Account) -> None:
    writer, reader = await key_with(account, "email.send"), await key_with(account, "email.history")
    async with client_of(account, writer["key"]) as writing, client_of(account, reader["key"]) as reading:
        made = await writing.post(SEND, json=order(fresh("ok")))
        assert made.status_code == 201
        path = f"/api/v1/transactionals/{made.json()['id']}.json"
        assert (await reading.get(path)).status_code == 200
        assert (await writing.get(path)).status_code == 401
        assert (await reading.post(SEND, json=order(fresh("ok")))).status_code == 401


async def test_there_is_one_recipient_and_parameters_are_not_nested(account: Account) -> None:
    nested = await account.http.post(SEND, json={"transactional": order(fresh("ok"))})
    assert nested.status_code == 422
    assert set(nested.json()["errors"]) == {"recipient_email", "subject", "body"}
    several = await account.http.post(SEND, json=order("") | {"to": [fresh("ok"), fresh("ok")]})
    assert (several.status_code, several.json()) == (422, {"errors": {"recipient_email": ["is invalid"]}})


async def test_a_send_is_201_with_the_whole_object(account: Account) -> None:
    to = fresh("ok")
    reply = await account.http.post(SEND, json=order(to, reply_to="support@shop.example"))
    made = reply.json()
    assert reply.status_code == 201
    assert reply.headers["content-type"] == "application/json"
    id_, at = made["id"], made["queue_at"]
    assert made == {
        "id": id_,
        "body": "<h1>Order Shipped!</h1><p>Your order #12345 is on its way.</p>",
        "preheader": None,
        "queue_at": at,
        "recipient_email": to,
        "recipient_name": None,
        "reply_to": "support@shop.example",
        "sent_at": None,
        "subject": "Your order has shipped",
        "include_unsubscribe_link": False,
        "created_at": at,
        "updated_at": at,
        "status_url": f"{account.home['base_url']}/api/v1/transactionals/{id_}.json",
    }
    assert type(id_) is int
    assert 0 < id_ < 2**53
    assert TIME.fullmatch(at)
    assert (await sent(account, to))["id"] > id_


async def test_the_status_url_leads_to_the_object_and_tells_when_it_was_sent(account: Account) -> None:
    made = await sent(account, fresh("ok"))
    assert (await at_status_url(account, made)).keys() == made.keys()
    shown = await once(account, made, "sent_at")
    assert TIME.fullmatch(shown["sent_at"])
    assert shown["queue_at"] < shown["sent_at"] <= shown["updated_at"]
    changed = ("sent_at", "updated_at")
    assert shown == made | {name: shown[name] for name in changed}


async def test_the_optional_fields_have_defaults_and_others_are_ignored(account: Account) -> None:
    to = fresh("ok")
    made = await sent(account, to, campaign="autumn", tags=[1, 2])
    assert (made["reply_to"], made["include_unsubscribe_link"]) == (None, False)
    mail = await received(account, to)
    assert (mail["reply-to"], mail["list-unsubscribe"]) == (None, None)
    html = mail.get_body(("html",))
    assert (str(mail["from"]), mail["subject"]) == (account.sender, "Your order has shipped")
    assert html.get_content().strip() == made["body"]


async def test_the_recipient_may_answer_and_unsubscribe_where_that_is_asked_for(account: Account) -> None:
    to = fresh("ok")
    made = await sent(account, to, reply_to="support@shop.example", include_unsubscribe_link=True)
    assert made["include_unsubscribe_link"] is True
    mail = await received(account, to)
    assert str(mail["reply-to"]) == "support@shop.example"
    link = mail["list-unsubscribe"].strip("<>")
    assert f'href="{link}"' in mail.get_body(("html",)).get_content()


async def test_neither_opens_nor_clicks_of_a_transactional_are_tracked(account: Account) -> None:
    to, body = fresh("ok"), '<p><a href="https://shop.example/orders">See it</a></p>'
    await sent(account, to, body=body)
    assert (await received(account, to)).get_body(("html",)).get_content().strip() == body
