"""One send in each of the four tongues, and what their replies name alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.e2e.account import Account

Send = Callable[[Account, str, dict[str, str]], Awaitable[httpx.Response]]


async def leadpush(account: Account, to: str, headers: dict[str, str]) -> httpx.Response:
    body = {"from": account.sender, "to": [to], "subject": "Your code", "text": "482910"}
    return await account.http.post("/v1/emails", json=body, headers=headers)


async def broadcast(account: Account, to: str, headers: dict[str, str]) -> httpx.Response:
    body = {"to": to, "subject": "Your code", "body": "<p>482910</p>"}
    return await account.http.post("/api/v1/transactionals.json", json=body, headers=headers)


async def plunk(account: Account, to: str, headers: dict[str, str]) -> httpx.Response:
    body = {"to": to, "from": account.sender, "subject": "Your code", "body": "<p>482910</p>"}
    return await account.http.post("/v1/send", json=body, headers=headers)


async def sendy(account: Account, to: str, headers: dict[str, str]) -> httpx.Response:
    body = {"to": to, "subject": "Your code", "text": "482910"}
    return await account.http.post("/api/v1/emails/send", json=body, headers=headers)


TONGUES: dict[str, Send] = {"leadpush": leadpush, "broadcast": broadcast, "plunk": plunk, "sendy": sendy}


async def messages_to(account: Account, recipient: str) -> list[dict[str, Any]]:
    """The messages for a recipient, as the list shows them."""
    return list((await account.get(f"/v1/emails?recipient={recipient.replace('+', '%2B')}"))["data"])
