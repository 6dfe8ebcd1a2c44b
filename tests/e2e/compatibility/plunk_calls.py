"""What the tests of Plunk's tongue do again and again: send, be refused, look at the letter and at the contact."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import quote

import httpx

from tests.e2e.account import Account, fresh
from tests.fixtures.deployment import eventually

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def post(account: Account, idempotency_key: str | None = None, **fields: Any) -> httpx.Response:
    """`POST /v1/send` to a fresh address, changed; what is `...` is left out."""
    body = {"to": fresh("ok"), "from": account.sender, "subject": "Your code", "body": "<p>482910</p>"} | fields
    kept = {name: value for name, value in body.items() if value is not ...}
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key is not None else None
    return await account.http.post("/v1/send", json=kept, headers=headers)


async def send(account: Account, **fields: Any) -> list[dict[str, Any]]:
    """The e-mails of an accepted request."""
    reply = await post(account, **fields)
    assert reply.status_code == 200, reply.text
    return list(reply.json()["data"]["emails"])


async def letter(account: Account, **fields: Any) -> dict[str, Any]:
    """What the one e-mail of an accepted request says."""
    (email,) = await send(account, **fields)
    return await account.get(f"/v1/emails/{email['email']}/content")


async def contact(account: Account, address: str) -> dict[str, Any] | None:
    """The contact with this address, None where there is none."""
    reply = await account.http.get(f"/v1/contacts/{quote(address, safe='')}")
    return dict(reply.json()["data"]) if reply.status_code == 200 else None


async def mail(account: Account, recipient: str) -> EmailMessage:
    """The one message that came to a recipient's server."""

    async def there() -> list[dict[str, Any]]:
        return await account.mail(recipient)

    (kept,) = await eventually(there, seconds=30, what=f"mail for {recipient}")
    return message_from_bytes(kept["raw"].encode(), policy=default)


def error_of(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of a refusal, whose whole shape is held against Plunk's."""
    body = reply.json()
    assert (reply.status_code, body["error"]["code"]) == (status, code), reply.text
    assert set(body) == {"success", "error", "message", "timestamp"}
    error: dict[str, Any] = body["error"]
    assert set(error) - {"details"} == {"code", "message", "statusCode", "requestId", "errors", "suggestion"}
    assert (body["success"], body["message"], error["statusCode"]) == (False, error["message"], status)
    assert error["requestId"] == reply.headers["x-request-id"]
    assert TIME.fullmatch(body["timestamp"])
    assert error["message"]
    assert error["suggestion"]
    return error
