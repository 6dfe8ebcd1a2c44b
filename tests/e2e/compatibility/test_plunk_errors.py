"""Plunk's errors: one shape, a code for each case, and a request id on every reply."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.plunk_calls import contact, error_of, post


def key(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def as_key(account: Account, **fields: Any) -> dict[str, str]:
    """The headers of a new key of the account's workspace."""
    return key((await account.make("/v1/api-keys", name="contract", **fields))["key"])


async def by_operator(account: Account, method: str, path: str, **body: Any) -> dict[str, Any]:
    token = key(account.stack.env["POSTHORN_OPERATOR_TOKEN"])
    reply = await account.http.request(method, path, json=body, headers=token)
    assert reply.status_code in (200, 201), reply.text
    return dict(reply.json())


async def send_as(account: Account, headers: dict[str, str]) -> httpx.Response:
    body = {"to": fresh("ok"), "from": account.sender, "subject": "s", "body": "b"}
    return await account.http.post("/v1/send", json=body, headers=headers)


async def test_a_fault_has_its_field_message_code_and_what_was_received(account: Account) -> None:
    fields: dict[str, Any] = {"to": "nobody", "subject": 5, "body": ..., "subscribed": "yes", "data": ["x"]}
    error = error_of(await post(account, **fields), 422, "VALIDATION_ERROR")
    assert error["message"] == "Request validation failed"
    assert all(each["message"] and set(each) - {"received"} == {"field", "message", "code"} for each in error["errors"])
    assert {each["field"]: (each["code"], each.get("received")) for each in error["errors"]} == {
        "to": ("invalid_address", None),
        "subject": ("wrong_type", "number"),
        "body": ("required", None),
        "subscribed": ("wrong_type", "string"),
        "data": ("wrong_type", "array"),
    }


async def test_a_missing_key_is_missing_auth_and_a_wrong_one_invalid(account: Account) -> None:
    async with httpx.AsyncClient(base_url=account.home["base_url"]) as nobody:
        error_of(await nobody.post("/v1/send", json={}), 401, "MISSING_AUTH")
    for wrong in ("sk_0123456789", "pk_0123456789", account.home["api_key"][:-1] + "_"):
        error_of(await send_as(account, key(wrong)), 401, "INVALID_API_KEY")


async def test_a_key_that_may_not_send_is_forbidden(account: Account) -> None:
    error = error_of(await send_as(account, await as_key(account, scopes=["contacts"])), 403, "FORBIDDEN")
    assert "email.send" in error["message"]


@pytest.mark.parametrize(
    ("features", "status", "code"),
    [([], 402, "UPGRADE_REQUIRED"), (["smtp.enabled"], 403, "EMAIL_VERIFICATION_REQUIRED")],
)
async def test_what_the_workspace_lacks_has_a_code_of_its_own(
    account: Account, features: list[str], status: int, code: str
) -> None:
    fields = {"name": "Poor", "owner_email": "owner@example.com", "features": features}
    workspace = (await by_operator(account, "POST", "/v1/workspaces", **fields))["id"]
    path = f"/v1/workspaces/{workspace}/api-keys"
    secret = (await by_operator(account, "POST", path, name="only", scopes=["email.send"]))["key"]
    error_of(await send_as(account, key(secret)), status, code)


async def test_what_is_no_json_object_is_a_bad_body(account: Account) -> None:
    for body in (b"{", b"[]"):
        reply = await account.http.post("/v1/send", content=body, headers={"Content-Type": "application/json"})
        error_of(reply, 400, "VALIDATION_ERROR")
    reply = await account.http.post("/v1/send", content=b"to=x", headers={"Content-Type": "text/plain"})
    error_of(reply, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_too_many_requests_are_rate_limit_exceeded(account: Account) -> None:
    slow = await as_key(account, scopes=["email.send"], rate_limit=1)
    replies = [await send_as(account, slow) for _ in range(3)]
    error_of(replies[-1], 429, "RATE_LIMIT_EXCEEDED")
    assert int(replies[-1].headers["retry-after"]) > 0


async def test_more_recipients_than_the_day_has_left_are_billing_limit_exceeded(stranger: Account) -> None:
    path, to = f"/v1/workspaces/{stranger.home['workspace']}", [fresh("ok"), fresh("ok")]
    await by_operator(stranger, "PATCH", path, daily_quota=1)
    try:
        reply = await post(stranger, to=to)
    finally:
        await by_operator(stranger, "PATCH", path, daily_quota=None)
    error_of(reply, 429, "BILLING_LIMIT_EXCEEDED")
    assert int(reply.headers["retry-after"]) > 0
    assert await contact(stranger, to[0]) is None


async def test_every_reply_has_a_request_id_the_caller_s_own_where_it_gave_one(account: Account) -> None:
    body = {"to": fresh("ok"), "from": account.sender, "subject": "s", "body": "b"}
    given = {"X-Request-ID": "order-1234-abcd"}
    sent = await account.http.post("/v1/send", json=body, headers=given)
    refused = await account.http.post("/v1/send", json={}, headers=given)
    unknown = await account.http.post("/v1/send/nothing", json={}, headers=given)
    wrong = await account.http.get("/v1/send", headers=given)
    assert [reply.status_code for reply in (sent, refused, unknown, wrong)] == [200, 422, 404, 405]
    assert {reply.headers["x-request-id"] for reply in (sent, refused, unknown, wrong)} == {given["X-Request-ID"]}
    error_of(unknown, 404, "RESOURCE_NOT_FOUND")
    made = [(await account.http.post("/v1/send", json={})).headers["x-request-id"] for _ in range(2)]
    assert len({*made}) == 2
