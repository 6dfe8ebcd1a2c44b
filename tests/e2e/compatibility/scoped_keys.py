"""Keys of a workspace with some scopes only, workspaces of a test's own, and clients that use them."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from tests.e2e.account import Account

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


async def key_with(account: Account, *scopes: str, **fields: Any) -> dict[str, Any]:
    """A key of the account's workspace as it is shown when it is made."""
    return await account.make("/v1/api-keys", name="caller", scopes=list(scopes), **fields)


def client_of(account: Account, key: str | None) -> httpx.AsyncClient:
    """A caller with a key, or without one."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(base_url=account.home["base_url"], headers=headers, timeout=30)


def operator_of(account: Account) -> httpx.AsyncClient:
    return client_of(account, account.stack.env["POSTHORN_OPERATOR_TOKEN"])


async def bare_workspace(account: Account, *scopes: str) -> tuple[str, str]:
    """A workspace that may send but has no sender at all: its id, and a key of it."""
    async with operator_of(account) as operator:
        fields = {"name": f"bare-{secrets.token_hex(4)}", "owner_email": "owner@bare.example", "owner_verified": True}
        made = await operator.post("/v1/workspaces", json={**fields, "features": ["smtp.enabled"]})
        assert made.status_code == 201, made.text
        id_ = made.json()["id"]
        key = await operator.post(f"/v1/workspaces/{id_}/api-keys", json={"name": "first", "scopes": list(scopes)})
        assert key.status_code == 201, key.text
        return id_, key.json()["key"]
