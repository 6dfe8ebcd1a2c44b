"""Routing by workload, and by what recipients think of a sending domain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.scoped_keys import operator_of
from tests.e2e.reputations import complained_of
from tests.fixtures.deployment import eventually
from tests.fixtures.scripted_smtp import Close, ScriptedServer

POOR = "the sending domain's reputation is poor"


async def put_rules(account: Account, *rules: dict[str, Any]) -> None:
    reply = await account.http.put("/v1/routes", json={"rules": rules})
    assert reply.status_code == 200, reply.text


async def decision(account: Account, message_id: str) -> dict[str, Any]:
    """How a message of one pass was routed."""
    (routed,) = await account.steps(message_id, "routed")
    return routed


async def test_streams_and_tags_take_transports_of_their_own(stranger: Account) -> None:
    async with ScriptedServer({"DOT": Close("250 2.0.0 taken")}) as bills:
        by_bills = await stranger.transport(bills.port, "bills")
        by_receipts = await stranger.transport(stranger.stack.ports["sink_smtp"], "receipts")
        await put_rules(
            stranger,
            {"id": "bills", "when": {"streams": ["billing"]}, "route": [[{"transport": by_bills["id"]}]]},
            {
                "id": "receipts", "when": {"tags": ["receipt"]},
                "route": [[{"transport": by_receipts["id"]}], [{"transport": "direct"}]],
            },
        )  # fmt: skip
        try:
            (bill,) = await stranger.send(fresh("ok"), stream="billing", tags=["receipt"])
            receipt_to, code_to = fresh("ok"), fresh("ok")
            (receipt,) = await stranger.send(receipt_to, tags=["receipt"])
            (code,) = await stranger.send(code_to, stream="authentication")
            for message_id in (bill, receipt, code):
                await stranger.reaches(message_id, "sent", "delivered")
        finally:
            await put_rules(stranger)
        session = await bills.ended()
    assert len(bills.sessions) == len(session.data) == 1
    assert b"482910" in session.data[0]
    ways = {name: await decision(stranger, id_) for name, id_ in (("bill", bill), ("receipt", receipt), ("code", code))}
    assert {name: (way["rule"], way["transport"]) for name, way in ways.items()} == {
        "bill": ("workspace:bills", by_bills["id"]),
        "receipt": ("workspace:receipts", by_receipts["id"]),
        "code": ("default", "direct"),
    }
    assert ways["bill"]["inputs"]["stream"] == "billing"
    assert ways["receipt"]["inputs"]["tags"] == ["receipt"]
    assert ways["bill"]["why"] == "there is no other that can be used"
    taken, lost = ways["receipt"]["candidates"]
    assert (taken["name"], taken.get("lost")) == ("receipts", None)
    assert (lost["transport"], lost["lost"]) == ("direct", "a transport before it in the failover order was taken")
    assert [await stranger.deliveries_to(to) for to in (receipt_to, code_to)] == [1, 1]


@asynccontextmanager
async def pool_of(account: Account) -> AsyncIterator[str]:
    """The platform's transport for quarantined mail."""
    port = account.stack.ports["sink_smtp"]
    body = {"name": "quarantine", "kind": "smarthost", "host": "127.0.0.1", "port": port, "tls": "opportunistic"}
    async with operator_of(account) as operator:
        made = await operator.post("/v1/platform/transports", json=body)
        assert made.status_code == 201, made.text
        try:
            yield made.json()["id"]
        finally:
            await quarantine(account, None)
            gone = await operator.delete(f"/v1/platform/transports/{made.json()['id']}")
            assert gone.status_code == 204, gone.text


async def quarantine(account: Account, policy: dict[str, Any] | None) -> None:
    """What becomes of standard mail of a poor domain; the rest of the platform's rules stays."""
    async with operator_of(account) as operator:
        present = (await operator.get("/v1/platform/routes")).json()
        rules = {name: present[name] for name in ("transports", "rules")}
        reply = await operator.put("/v1/platform/routes", json={**rules, "quarantine": policy})
        assert reply.status_code == 200, reply.text


async def goes(account: Account, rule: str, **fields: Any) -> dict[str, Any]:
    """The decision about the first message that a rule decides about: who routes hears of a change soon."""

    async def there() -> dict[str, Any] | None:
        (message_id,) = await account.send(fresh("ok"), **fields)
        await account.reaches(message_id, "sent", "delivered")
        routed = await decision(account, message_id)
        return routed if routed["rule"] == rule else None

    return await eventually(there, seconds=30, what=f"mail by {rule}")  # type: ignore[return-value]


async def test_mail_of_a_domain_that_people_complain_of_is_quarantined_and_codes_go_on(account: Account) -> None:
    async with complained_of(account) as there, pool_of(account) as pool:
        await quarantine(account, {"pool": pool})
        quarantined = await goes(there, "platform:quarantine", stream="product")
        assert (quarantined["transport"], quarantined["inputs"]["reputation"]) == (pool, "poor")
        assert quarantined["why"].startswith(POOR)
        for sender, stream in ((there, "authentication"), (there, "security"), (account, "product")):
            usual = await goes(sender, "default", stream=stream)
            assert usual["transport"] == "direct"

        await quarantine(account, {"hold": True})

        async def is_held() -> str | None:
            (message_id,) = await there.send(fresh("ok"), stream="product")

            async def decided() -> list[dict[str, Any]]:
                return await there.steps(message_id, "checked") + await there.steps(message_id, "queued")

            (first, *_) = await eventually(decided) or [{}]
            return message_id if first.get("rule") == "platform:quarantine" and first["verdict"] != "send" else None

        held = await eventually(is_held, seconds=30, what="a message that is held") or ""
        (told, *_) = await there.steps(held, "checked")
        assert (told["reason"], told["detail"]) == ("held", POOR)
        assert (await goes(there, "default", stream="authentication"))["transport"] == "direct"
        email = await there.email(held)
        assert email["status"] not in ("sent", "delivered")
        await quarantine(account, None)
        await there.reaches(held, "delivered")  # no attempt was burnt meanwhile
        assert [attempt["attempt"] for attempt in await there.steps(held, "attempt")] == [1]
