"""One Idempotency-Key stands for one request, however often and however concurrently it comes."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import httpx

from tests.e2e.account import Account, fresh


def request_of(account: Account, *to: str) -> dict[str, Any]:
    return {"from": account.sender, "to": list(to), "subject": "Your code", "text": "482910"}


async def post(account: Account, key: str, body: dict[str, Any]) -> httpx.Response:
    return await account.http.post("/v1/emails", json=body, headers={"Idempotency-Key": key})


async def test_the_same_key_gives_the_same_reply_and_sends_nothing_more(account: Account) -> None:
    key, recipient = secrets.token_hex(8), fresh("ok")
    first = await post(account, key, request_of(account, recipient))
    (message,) = first.json()["data"]["messages"]
    await account.reaches(message["uuid"], "delivered")
    again = await post(account, key, request_of(account, recipient))
    assert (again.status_code, again.content) == (202, first.content)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    page = (await account.http.get("/v1/emails", params={"recipient": recipient})).json()
    assert [email["uuid"] for email in page["data"]] == [message["uuid"]]
    assert await account.deliveries_to(recipient) == 1


async def test_fifty_at_once_with_one_key_are_one_request(account: Account) -> None:
    key, recipients = secrets.token_hex(8), [fresh("ok"), fresh("ok")]
    body = request_of(account, *recipients)
    replies = await asyncio.gather(*(post(account, key, body) for _ in range(50)))
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.content for reply in replies}) == 1
    assert sum("idempotency-replayed" not in reply.headers for reply in replies) == 1
    for message in replies[0].json()["data"]["messages"]:
        await account.reaches(message["uuid"], "delivered")
    for recipient in recipients:
        page = (await account.http.get("/v1/emails", params={"recipient": recipient})).json()
        assert len(page["data"]) == await account.deliveries_to(recipient) == 1


async def test_a_key_of_another_request_is_refused(account: Account) -> None:
    key, recipient, other = secrets.token_hex(8), fresh("ok"), fresh("ok")
    first = await post(account, key, request_of(account, recipient))
    assert first.status_code == 202
    refused = await post(account, key, request_of(account, other))
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    page = (await account.http.get("/v1/emails", params={"recipient": other})).json()
    assert page["data"] == []


async def test_a_key_is_a_workspaces_own(account: Account, stranger: Account) -> None:
    key, recipient, other = secrets.token_hex(8), fresh("ok"), fresh("ok")
    mine = await post(account, key, request_of(account, recipient))
    theirs = await post(stranger, key, request_of(stranger, other))
    assert [reply.status_code for reply in (mine, theirs)] == [202, 202]
    (message,) = theirs.json()["data"]["messages"]
    assert message["recipient"] == other
    await stranger.reaches(message["uuid"], "delivered")
