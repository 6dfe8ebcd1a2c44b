"""`/v1/routes/explain`: what the pipeline would do, told before it does."""

from __future__ import annotations

from typing import Any

import httpx

from shared.contracts.topics import Lane, accepted
from tests.fixtures.messages import a_message
from tests.integration.router.conftest import Router
from tests.integration.router.test_api import OPERATOR, faults, make

ASKED = {"from": "Us <us@c.example>", "to": "ann@a.test"}


async def explain(client: httpx.AsyncClient, key: dict[str, str], path: str = "/v1/routes", **fields: Any) -> Any:
    reply = await client.post(f"{path}/explain", json={**ASKED, **fields}, headers=key)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_what_is_explained_is_what_is_done(router: Router) -> None:
    key = await router.key()
    async with router.running("http", "route") as client:
        relay, other = [(await make(client, key, name=name))["id"] for name in ("Relay", "Other")]
        tier = [{"transport": relay, "weight": 2}, {"transport": other}]
        rule = {"name": "Receipts", "when": {"tags": ["receipt"]}, "route": [tier, [{"transport": "direct"}]]}
        await client.post("/v1/routes/rules", json=rule, headers=key)
        message = a_message("ann@a.test", tags=["receipt"], size=10)
        told = await explain(client, key, tags=["receipt"], size=10, message_id=message.message_id)
        await router.publish(accepted(Lane.STANDARD), message)
        done = (await router.routed())[0].route
    assert done is not None
    assert told["outcome"] == "route"
    assert (told["rule"], told["rule_version"], told["why"]) == (done.rule, done.rule_version, done.why)
    assert told["rule"] == "workspace:receipts"
    assert told["route"]["transport"] == done.transport
    assert [each["lost"] for each in told["candidates"]] == [each.lost for each in done.candidates]
    assert told["inputs"] == done.inputs
    assert told["summary"][:2] == [
        "The workspace's rule receipts (version 1) decides.",
        "a.test stands in this deployment's own map of mail hosts; its rollup is static:*.test.",
    ]
    assert "Direct (direct) is not taken: a transport before it in the failover order was taken." in told["summary"]


async def test_a_draft_is_tried_and_kept_nowhere(router: Router) -> None:
    key, other = await router.key("w1"), await router.key("w2")
    async with router.running("http", "route") as client:
        theirs = (await make(client, other))["id"]
        hold = {"rules": [{"name": "Hold", "hold": {"reason": "they move"}}]}
        held = await explain(client, key, draft=hold)
        assert (held["outcome"], held["rule"], held["route"]) == ("wait_until", "workspace:hold", None)
        assert any("It is held (they move)" in sentence for sentence in held["summary"])
        refused = {"rules": [{"name": "No", "reject": {"reason": "embargo", "reply": "not there"}}]}
        no = await explain(client, OPERATOR, "/v1/platform/routes", workspace="w1", draft=refused)
        assert (no["outcome"], no["rule"], no["verdict"]["reason"]) == ("reject", "platform:no", "embargo")
        faulty = {"rules": [{"id": "x", "route": [[{"transport": theirs}]]}]}
        reply = await client.post("/v1/routes/explain", json={**ASKED, "draft": faulty}, headers=key)
        assert faults(reply) == {"#/draft/rules/0/route/0/0/transport": "unknown_transport"}
        assert (await client.get("/v1/routes", headers=key)).json()["version"] == 0
        assert (await explain(client, key))["rule"] == "default"


async def test_a_retry_and_a_wish_are_explained_too(router: Router) -> None:
    key = await router.key()
    async with router.running("http", "route") as client:
        relay = (await make(client, key, name="Relay"))["id"]
        await client.put("/v1/routes/default", json={"transports": [relay, "direct"]}, headers=key)
        failed = {"transport": relay, "outcome": "connection refused", "scope": "transport"}
        after = await explain(client, key, attempt=1, last=failed)
        assert after["route"]["transport"] == "direct"
        assert "its last attempt failed: connection refused" in [each["lost"] for each in after["candidates"]]
        wished = await explain(client, key, last=failed, reroute={"take": relay})
        assert (wished["route"]["transport"], wished["why"]) == (relay, "it was asked for")


async def test_what_cannot_be_a_message_is_refused(router: Router) -> None:
    key = await router.key()
    async with router.running("http") as client:
        bad = {"from": "nobody", "to": "Ann <ann@a.test>"}
        assert faults(await client.post("/v1/routes/explain", json=bad, headers=key)) == {
            "#/from": "invalid_address",
            "#/to": "invalid_address",
        }
        unknown = {**ASKED, "workspace": "w9"}
        reply = await client.post("/v1/platform/routes/explain", json=unknown, headers=OPERATOR)
        assert faults(reply) == {"#/workspace": "unknown_workspace"}
