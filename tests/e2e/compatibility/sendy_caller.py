"""What callers of Sendy's e-mail API send and get."""

from __future__ import annotations

from typing import Any

import httpx

from tests.e2e.account import Account
from tests.fixtures.deployment import eventually

EMAILS = "/api/v1/emails"
SEND, FORM, BATCH = f"{EMAILS}/send", f"{EMAILS}/send/multipart", f"{EMAILS}/batch"


def welcome(to: Any, **changes: Any) -> dict[str, Any]:
    return {"to": to, "subject": "Welcome!", "html": "<p>Hello</p>"} | changes


async def posted(account: Account, to: Any, **changes: Any) -> dict[str, Any]:
    """The `data` that a send is answered with."""
    return data_of(await account.http.post(SEND, json=welcome(to, **changes)))


def data_of(reply: httpx.Response) -> Any:
    assert reply.status_code == 200, reply.text
    assert reply.json()["success"] is True
    return reply.json()["data"]


def code_of(reply: httpx.Response) -> tuple[int, str]:
    """The status and the code of an error, whose shape is looked at."""
    body = reply.json()
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    assert body["error"].keys() >= {"code", "message", "details"}
    assert reply.headers["content-type"] == "application/json"
    return reply.status_code, body["error"]["code"]


async def email(account: Account, id_: str) -> dict[str, Any]:
    return dict(data_of(await account.http.get(f"{EMAILS}/{id_}")))


async def reaches(account: Account, id_: str, unified: str) -> dict[str, Any]:
    """The e-mail as soon as its unified status is this one."""

    async def there() -> dict[str, Any] | None:
        shown = await email(account, id_)
        return shown if shown["unified_status"] == unified else None

    return await eventually(there, seconds=30, what=f"{unified} of {id_}")  # type: ignore[return-value]
