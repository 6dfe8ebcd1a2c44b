"""What callers of Broadcast's transactional API send and get."""

from __future__ import annotations

from typing import Any

import httpx

from tests.e2e.account import Account
from tests.fixtures.deployment import eventually

SEND = "/api/v1/transactionals.json"


def order(to: str, **changes: Any) -> dict[str, Any]:
    """The request of the document's example, to somebody of the test's own."""
    body = "<h1>Order Shipped!</h1><p>Your order #12345 is on its way.</p>"
    return {"to": to, "subject": "Your order has shipped", "body": body} | changes


async def sent(account: Account, to: str, **changes: Any) -> dict[str, Any]:
    """The object that a send is answered with."""
    return await account.make(SEND, **order(to, **changes))


async def at_status_url(account: Account, made: dict[str, Any]) -> dict[str, Any]:
    return await account.get(httpx.URL(made["status_url"]).raw_path.decode())


async def once(account: Account, made: dict[str, Any], field: str) -> dict[str, Any]:
    """The object as soon as it has something in a field."""

    async def there() -> dict[str, Any] | None:
        shown = await at_status_url(account, made)
        return shown if shown.get(field) else None

    return await eventually(there, seconds=30, what=f"{field} of {made['id']}")  # type: ignore[return-value]
