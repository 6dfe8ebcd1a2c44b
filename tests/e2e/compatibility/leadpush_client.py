"""Leadpush's own client library against the running stack, nothing but its base URL changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from typing import Any
from urllib.parse import quote

from leadpush import AsyncLeadpush

from tests.e2e.account import Account
from tests.fixtures.deployment import eventually

POSTAL = {
    "company_address": "123 Main St",
    "company_city": "New York",
    "company_state": "NY",
    "company_zip": "10001",
    "company_country": "US",
}


@asynccontextmanager
async def leadpush(account: Account, key: str | None = None) -> AsyncIterator[AsyncLeadpush]:
    """The library as a caller has it, with the account's key or another."""
    async with AsyncLeadpush(key or account.home["api_key"], base_url=f"{account.home['base_url']}/v1") as client:
        yield client


def operator(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.stack.env['POSTHORN_OPERATOR_TOKEN']}"}


async def new_workspace(account: Account, **fields: Any) -> tuple[str, str]:
    """The id of a workspace that the operator makes, and a key of it with the scopes that these tests need."""
    body = {"name": "other", "owner_email": "owner@example.com"} | fields
    made = await account.http.post("/v1/workspaces", json=body, headers=operator(account))
    assert made.status_code == 201, made.text
    id_ = made.json()["id"]
    scopes = ["email.send", "email.history", "contacts", "domains", "suppressions", "admin"]
    keys = await account.http.post(
        f"/v1/workspaces/{id_}/api-keys", json={"name": "first", "scopes": scopes}, headers=operator(account)
    )
    assert keys.status_code == 201, keys.text
    await is_known(account, keys.json()["key"])
    return id_, keys.json()["key"]


async def new_key(account: Account, *scopes: str, **fields: Any) -> dict[str, Any]:
    return await account.make("/v1/api-keys", name="a test's", scopes=list(scopes), **fields)


async def is_known(account: Account, key: str) -> None:
    """Waits until another service than the one that made a key has heard of it."""

    async def there() -> bool:
        reply = await account.http.get("/v1/suppressions", headers={"Authorization": f"Bearer {key}"})
        return reply.status_code != 401

    await eventually(there, seconds=30, what="the key is known")


async def arrived(account: Account, recipient: str) -> Any:
    """The one message that came to a recipient, parsed."""

    async def there() -> list[dict[str, Any]]:
        return await account.mail(recipient)

    (kept,) = await eventually(there, seconds=30, what=f"mail for {recipient}")
    return message_from_bytes(kept["raw"].encode(), policy=default)


async def domain_of(account: Account) -> dict[str, Any]:
    """The account's own verified domain."""
    name = account.sender.partition("@")[2]
    return dict((await account.get(f"/v1/domains/{name}"))["data"])


def segment(text: str) -> str:
    """A value as one segment of a path."""
    return quote(text, safe="")
