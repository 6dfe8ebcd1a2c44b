"""Leadpush's API keys: https://leadpush.io/docs/developer/authorization."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from leadpush import ApiError, AsyncLeadpush, ForbiddenError, UnauthorizedError

from shared.contracts.record import rfc3339
from tests.e2e.account import Account
from tests.e2e.compatibility.leadpush_client import is_known, leadpush, new_key
from tests.fixtures.deployment import eventually


async def is_refused(client: AsyncLeadpush) -> bool:
    try:
        await client.contacts.list()
    except UnauthorizedError:
        return True
    return False


async def test_a_key_is_shown_once_and_does_what_its_scopes_say(account: Account) -> None:
    made = await new_key(account, "contacts")
    for path in ("/v1/api-keys?limit=100", f"/v1/api-keys/{made['id']}"):
        shown = (await account.http.get(path)).text
        assert made["prefix"] in shown
        assert made["key"] not in shown
    await is_known(account, made["key"])
    async with leadpush(account, made["key"]) as client:
        await client.contacts.list()
        for call in (
            client.domains.list(),
            client.suppressions.list(),
            client.emails.send(from_address="", subject=""),
        ):
            with pytest.raises(ForbiddenError):
                await call


async def test_a_key_has_a_rate_limit_of_its_own(account: Account) -> None:
    limited, free = await new_key(account, "contacts", rate_limit=2), await new_key(account, "contacts")
    async with leadpush(account, limited["key"]) as client, leadpush(account, free["key"]) as other:
        await client.contacts.list()
        await client.contacts.list()
        with pytest.raises(ApiError) as refused:
            await client.contacts.list()
        assert (refused.value.status, refused.value.response["code"]) == (429, "rate_limited")
        await other.contacts.list()


async def test_the_audit_log_tells_what_was_done_with_a_key(account: Account) -> None:
    manager = await new_key(account, "keys", "email.send")
    headers = {"Authorization": f"Bearer {manager['key']}"}
    made = await account.http.post("/v1/smtp-credentials", json={"name": "mailer"}, headers=headers)
    assert made.status_code == 201

    async def told() -> list[str] | None:
        entries = (await account.get(f"/v1/audit?actor_id={manager['id']}"))["data"]
        return [entry["object"]["id"] for entry in entries] or None

    assert await eventually(told, seconds=30, what="the entry in the log") == [made.json()["id"]]

    async def used() -> str | None:
        return (await account.get(f"/v1/api-keys/{manager['id']}"))["last_used_at"]

    at = await eventually(used, seconds=30, what="the last use of the key")
    assert datetime.now(UTC) - datetime.fromisoformat(str(at)) < timedelta(minutes=2)


async def test_a_key_ends_at_its_expiry(account: Account) -> None:
    made = await new_key(account, "contacts", expires_at=rfc3339(datetime.now(UTC) + timedelta(seconds=3)))
    async with leadpush(account, made["key"]) as client:
        await client.contacts.list()
        await eventually(lambda: is_refused(client), what="the key has expired")


async def test_a_revoked_key_ends_at_once(account: Account) -> None:
    made = await new_key(account, "contacts")
    async with leadpush(account, made["key"]) as client:
        await client.contacts.list()
        assert (await account.http.delete(f"/v1/api-keys/{made['id']}")).status_code == 204
        assert await is_refused(client)
