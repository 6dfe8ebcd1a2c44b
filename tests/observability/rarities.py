"""What a day of a large deployment has and a small load has not: held mail, a source that is warmed up, a host that is
looked up, complaints, an election of MongoDB."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.scoped_keys import operator_of
from tests.e2e.reputations import complained_of
from tests.fixtures.deployment import eventually

WARMED = "127.0.0.2"
DEAD_PORT = 9  # discard: nobody listens


async def go_by_rules(account: Account) -> None:
    """Mail by tags: held, from a source that is warmed up, to a host with a name; all other mail passes over a
    transport that is away."""
    away = await account.transport(DEAD_PORT, "away")
    named = await account.make("/v1/transports", name="named", kind="smarthost", host="relay.example.com")
    warmed = await _warmed_up(account)
    rules: list[dict[str, Any]] = [
        {"id": "held", "when": {"tags": ["held"]}, "hold": {"reason": "the panels have it"}},
        {"id": "named", "when": {"tags": ["named"]}, "route": [[{"transport": named["id"]}]]},
        {"id": "warmed", "when": {"tags": ["warmed"]}, "route": [[{"transport": warmed}]]},
    ]
    reply = await account.http.put("/v1/routes", json={"transports": [away["id"], "direct"], "rules": rules})
    assert reply.status_code == 200, reply.text
    for tag in ("held", "named", "warmed", *("else",) * 8):
        await account.send(fresh("ok"), tags=[tag])


async def _warmed_up(account: Account) -> str:
    """The id of a platform's transport with such a source."""
    warmup = {"started_on": datetime.now(UTC).date().isoformat()}
    sources = [{"address": WARMED, "ehlo_name": "warmed.posthorn.test", "warmup": warmup}]
    async with operator_of(account) as operator:
        body = {"name": "warmed up", "kind": "direct", "sources": sources}
        made = await operator.post("/v1/platform/transports", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


async def complain(account: Account) -> None:
    """A domain gets a reputation."""
    async with complained_of(account):
        return


async def elect(account: Account) -> None:
    """MongoDB has no primary for a second; it has one again when this returns."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(account.stack.env["POSTHORN_MONGO_URL"])
    try:
        await client.admin.command({"replSetStepDown": 1, "force": True})

        async def is_primary() -> bool:
            return bool((await client.admin.command("hello"))["isWritablePrimary"])

        await eventually(is_primary, seconds=60, what="a primary")
    finally:
        client.close()
