"""Broadcast: the errors of its document, field by field, its tokens and its limits (seed 002)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.broadcast_caller import SEND, order, sent
from tests.e2e.compatibility.scoped_keys import client_of, key_with

UNAUTHORIZED, NOT_FOUND = {"error": "Unauthorized"}, {"error": "Not Found"}
BLANK, INVALID = ["can't be blank"], ["is invalid"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"body": "<p>x</p>"}, {"recipient_email": BLANK, "subject": BLANK}),
        ({}, {"recipient_email": BLANK, "subject": BLANK, "body": BLANK}),
        (order(""), {"recipient_email": BLANK}),
        (order("nobody"), {"recipient_email": INVALID}),
        (order("a@b.example", subject=7), {"subject": INVALID}),
        (order("a@b.example", reply_to="nobody"), {"reply_to": INVALID}),
    ],
)
async def test_faults_are_lists_of_strings_by_the_object_s_fields(
    account: Account, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    reply = await account.http.post(SEND, json=body)
    assert (reply.status_code, reply.json()) == (422, {"errors": errors})


async def test_401_is_for_no_token_an_unknown_one_and_one_without_the_permission(account: Account) -> None:
    path = f"/api/v1/transactionals/{(await sent(account, fresh('ok')))['id']}.json"
    other = await key_with(account, "contacts")
    for key in (None, "nonsense", "ph_live_" + "x" * 40, other["key"]):
        async with client_of(account, key) as client:
            for reply in (await client.post(SEND, json=order(fresh("ok"))), await client.get(path)):
                assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED)


async def test_404_is_for_an_id_that_is_not_in_the_token_s_channel(account: Account, stranger: Account) -> None:
    id_ = (await sent(account, fresh("ok")))["id"]
    assert (await account.http.get(f"/api/v1/transactionals/{id_}.json")).status_code == 200
    for client, number in ((stranger.http, id_), (account.http, 789), (account.http, "x"), (account.http, 2**80)):
        reply = await client.get(f"/api/v1/transactionals/{number}.json")
        assert (reply.status_code, reply.json()) == (404, NOT_FOUND)


async def test_every_other_error_has_one_word_too(account: Account) -> None:
    head = {"Content-Type": "application/json"}
    replies = [
        await account.http.get("/api/v1/transactionals/1/opens.json"),
        await account.http.delete(SEND),
        await account.http.post(SEND, content=b"{", headers=head),
        await account.http.post(SEND, content=b"[]", headers=head),
        await account.http.post(SEND, content=b"to=x", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    ]
    assert [reply.status_code for reply in replies] == [404, 405, 400, 400, 415]
    for reply in replies:
        assert reply.headers["content-type"] == "application/json"
        assert reply.json().keys() == {"error"}
        assert isinstance(reply.json()["error"], str)
    assert replies[1].headers["allow"] == "POST"


async def test_replies_tell_of_the_rate_limit_and_over_it_is_429(account: Account) -> None:
    key = await key_with(account, "email.send", "email.history", rate_limit=3)
    async with client_of(account, key["key"]) as client:
        made = await client.post(SEND, json=order(fresh("ok")))
        path = f"/api/v1/transactionals/{made.json()['id']}.json"
        replies = [made, await client.get(path), await client.post(SEND, json={}), await client.get(path)]
    assert [reply.status_code for reply in replies] == [201, 200, 422, 429]
    told = [{name: int(reply.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining")} for reply in replies]
    assert told == [{"limit": 3, "remaining": remaining} for remaining in (2, 1, 0, 0)]
    for reply in replies:
        assert -5 <= int(reply.headers["x-ratelimit-reset"]) - time.time() <= 61
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 20
    assert replies[-1].json()["error"].startswith("Too many requests")


async def test_a_token_is_shown_once_and_can_be_refreshed(account: Account) -> None:
    made = await key_with(account, "email.send")
    assert "key" not in await account.get(f"/v1/api-keys/{made['id']}")
    refreshed = await account.http.post(f"/v1/api-keys/{made['id']}/rotation", json={"grace_seconds": 0})
    assert refreshed.status_code == 200, refreshed.text
    async with client_of(account, made["key"]) as before, client_of(account, refreshed.json()["key"]) as after:
        assert (await after.post(SEND, json=order(fresh("ok")))).status_code == 201
        assert (await before.post(SEND, json=order(fresh("ok")))).status_code == 401


async def test_a_repeated_key_is_answered_with_the_first_reply(account: Account) -> None:
    headers, body = {"Idempotency-Key": fresh("ok")}, order(fresh("ok"))
    first, again = [await account.http.post(SEND, json=body, headers=headers) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())
    assert [reply.headers.get("idempotency-replayed") for reply in (first, again)] == [None, "true"]
    other = await account.http.post(SEND, json=body | {"subject": "Another"}, headers=headers)
    assert other.status_code == 422
