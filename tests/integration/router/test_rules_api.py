"""`/v1/routes` and `/v1/platform/routes` on real servers: whole sets, single rules, and who may."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from shared.contracts.entities import Kind
from tests.integration.router.conftest import Router
from tests.integration.router.test_api import OPERATOR, faults, make

HOLD = {"hold": {"reason": "they move"}}
TO_DIRECT = {"route": [[{"transport": "direct"}]]}


async def rules(client: httpx.AsyncClient, key: dict[str, str], path: str = "/v1/routes") -> Any:
    reply = await client.get(path, headers=key)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_a_set_is_written_whole_under_its_version(router: Router) -> None:
    key = await router.key()
    async with router.running("http") as client:
        mine = await make(client, key)
        assert await rules(client, key) == {"version": 0, "transports": [], "rules": []}
        by_hand = {"name": "By hand", "when": {"tags": ["x"]}, "route": [[{"transport": mine["id"], "weight": 3}]]}
        body: dict[str, Any] = {"version": 0, "transports": [mine["id"]], "rules": [by_hand]}
        written = await client.put("/v1/routes", json=body, headers=key)
        assert written.status_code == 200, written.text
        shown = {**body, "version": 1, "rules": [{"id": "by-hand", **by_hand}]}
        assert written.json() == await rules(client, key) == shown
        late = await client.put("/v1/routes", json={"version": 0}, headers=key)
        assert (late.status_code, late.json()["code"]) == (409, "version_conflict")
        assert "version 1" in late.json()["detail"]
        assert await rules(client, key) == shown
        assert (await client.put("/v1/routes", json={"version": 1}, headers=key)).json()["version"] == 2
        assert (await client.put("/v1/routes", json=body | {"version": None}, headers=key)).json()["version"] == 3


async def test_every_fault_of_a_set_is_named_and_nothing_is_stored(router: Router) -> None:
    key, other = await router.key("w1"), await router.key("w2")
    async with router.running("http") as client:
        theirs = (await make(client, other))["id"]
        body = {
            "transports": ["none"],
            "rules": [
                {"id": "a", "route": [[{"transport": theirs, "weight": 0}]]},
                {"id": "a", "when": {"size": {}}, **HOLD},
                {},
            ],
            "quarantine": {"hold": True},
        }
        assert faults(await client.put("/v1/routes", json=body, headers=key)) == {
            "#/transports/0": "unknown_transport",
            "#/rules/0/route/0/0/transport": "unknown_transport",
            "#/rules/0/route/0": "no_weight",
            "#/rules/1/id": "repeated",
            "#/rules/1/when/size": "empty",
            "#/rules/1": "unreachable",
            "#/rules/2/id": "required",
            "#/rules/2": "unreachable",
            "#/quarantine": "operator_only",
        }
        bad = {"rules": [{"id": "x", "when": {"recipient_domains": ["no domain"], "stream": []}, "lane": "slow"}]}
        assert set(faults(await client.put("/v1/routes", json=bad, headers=key))) == {
            "#/rules/0/when/recipient_domains/0",
            "#/rules/0/when/stream",
            "#/rules/0/lane",
        }
        assert (await rules(client, key))["version"] == 0


@pytest.mark.parametrize("shared", [False, True])
async def test_a_rule_lives_from_post_to_delete_at_its_position(router: Router, shared: bool) -> None:
    key = OPERATOR if shared else await router.key()
    root = "/v1/platform/routes" if shared else "/v1/routes"
    async with router.running("http") as client:
        transport = await make(client, OPERATOR, "/v1/platform/transports")
        to = {"when": {"tags": ["a"]}, "route": [[{"transport": transport["id"]}]]}
        made = await client.post(f"{root}/rules", json={"name": "First", **to}, headers=key)
        assert made.status_code == 201, made.text
        assert made.headers["location"] == f"{root}/rules/first"
        assert made.json() == {"id": "first", "name": "First", **to, "position": 0, "version": 1}
        await client.post(f"{root}/rules", json={"id": "before", "lane": "critical", "position": 0}, headers=key)
        await client.post(f"{root}/rules", json={"id": "last", **HOLD}, headers=key)
        assert [each["id"] for each in (await rules(client, key, root))["rules"]] == ["before", "first", "last"]
        again = await client.post(f"{root}/rules", json={"id": "first", **to}, headers=key)
        assert faults(again) == {"#/id": "repeated", "#": "unreachable"}
        path = f"{root}/rules/first"
        assert (await client.get(path, headers=key)).json()["position"] == 1
        changed = await client.put(path, json={**to, "position": 0}, headers=key)
        assert changed.json() == {"id": "first", "name": "first", **to, "position": 0, "version": 4}
        assert faults(await client.put(path, json={"id": "other", **HOLD}, headers=key)) == {"#/id": "not_changeable"}
        assert faults(await client.put(path, json=HOLD, headers=key)) == {"#": "unreachable"}
        assert (await client.delete(path, headers=key)).status_code == 204
        gone = [
            await client.get(path, headers=key),
            await client.put(path, json=HOLD, headers=key),
            await client.delete(path, headers=key),
        ]
        assert [reply.status_code for reply in gone] == [404] * 3
        assert [each["id"] for each in (await rules(client, key, root))["rules"]] == ["before", "last"]


async def test_a_failover_order_is_set_beside_the_rules_and_the_platforms_holds_without_one(router: Router) -> None:
    key, other = await router.key("w1"), await router.key("w2")
    async with router.running("http") as client:
        mine = (await make(client, key))["id"]
        shared = (await make(client, OPERATOR, "/v1/platform/transports"))["id"]
        await client.post("/v1/routes/rules", json={"id": "h", **HOLD}, headers=key)
        await client.put("/v1/platform/routes", json={"transports": [shared]}, headers=OPERATOR)
        order = {"id": "default", "transports": [shared]}
        assert (await client.get("/v1/routes/default", headers=key)).json() == {**order, "version": 1}
        assert (await client.get("/v1/routes/default", headers=other)).json() == {**order, "version": 0}
        await client.put("/v1/routes/default", json={"transports": [mine]}, headers=key)
        kept = await rules(client, key)
        assert (kept["transports"], [each["id"] for each in kept["rules"]]) == ([mine], ["h"])


async def test_a_transport_that_a_rule_names_stays(router: Router) -> None:
    key = await router.key()
    async with router.running("http") as client:
        own = (await make(client, key))["id"]
        names = ("by_workspace", "by_platform", "pool")
        shared = {name: (await make(client, OPERATOR, "/v1/platform/transports"))["id"] for name in names}
        targets = [[{"transport": own}, {"transport": shared["by_workspace"]}]]
        await client.put("/v1/routes", json={"rules": [{"id": "r", "route": targets}]}, headers=key)
        platform = {
            "rules": [{"id": "r", "route": [[{"transport": shared["by_platform"]}]]}],
            "quarantine": {"pool": shared["pool"]},
        }
        put = await client.put("/v1/platform/routes", json=platform, headers=OPERATOR)
        assert put.json()["quarantine"] == {"pool": shared["pool"], "hold": False}
        paths = [(f"/v1/transports/{own}", key)]
        paths += [(f"/v1/platform/transports/{id_}", OPERATOR) for id_ in shared.values()]
        for path, headers in paths:
            refused = await client.delete(path, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (409, "transport_in_use")
        await client.put("/v1/routes", json={}, headers=key)
        await client.put("/v1/platform/routes", json={}, headers=OPERATOR)
        assert [(await client.delete(path, headers=headers)).status_code for path, headers in paths] == [204] * 4


async def test_the_platforms_rules_name_shared_transports_alone_and_need_the_operator(router: Router) -> None:
    key = await router.key()
    async with router.running("http") as client:
        own = (await make(client, key))["id"]
        body = {"rules": [{"id": "r", "route": [[{"transport": own}]]}]}
        refused = await client.put("/v1/platform/routes", json=body, headers=OPERATOR)
        assert faults(refused) == {"#/rules/0/route/0/0/transport": "unknown_transport"}
        for method, path in (("GET", ""), ("PUT", ""), ("POST", "/rules"), ("GET", "/rules/r"), ("DELETE", "/rules/r")):
            for headers in ({}, key):
                reply = await client.request(method, f"/v1/platform/routes{path}", json={}, headers=headers)
                assert reply.status_code == 401


async def test_writers_at_the_same_time_lose_nothing(router: Router) -> None:
    """And what they write goes out on `config.changes` as versions of one entity."""
    key = await router.key()
    async with router.running("http", "route") as client:
        bodies = [{"id": f"r{number}", "lane": "standard"} for number in range(3)]
        await asyncio.gather(*(client.post("/v1/routes/rules", json=body, headers=key) for body in bodies))
        assert {each["id"] for each in (await rules(client, key))["rules"]} == {"r0", "r1", "r2"}
        changes = await router.changes(at_least=4)
    assert max(each.version for each in changes if each.kind is Kind.ROUTE) == 3
