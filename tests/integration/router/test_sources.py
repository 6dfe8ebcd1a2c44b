"""The source addresses of transports: what the operator may write, and nobody else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.contracts.entities import Kind
from tests.integration.router.conftest import Router
from tests.integration.router.test_api import OPERATOR, SMART_HOST, faults

PATH = "/v1/platform/transports"
PLAN = {"started_on": "2026-11-22", "daily_caps": [50, 100]}
DIRECT = {"name": "Pool", "kind": "direct", "sources": [
    {"address": " 192.0.2.1 ", "ehlo_name": "Out1.Example.com."},
    {"address": "2001:DB8::0:1", "warmup": PLAN},
]}  # fmt: skip
STORED = [
    {"address": "192.0.2.1", "ehlo_name": "out1.example.com", "warmup": None},
    {"address": "2001:db8::1", "ehlo_name": None, "warmup": PLAN},
]


async def make(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await client.post(PATH, json={**DIRECT, **fields}, headers=OPERATOR)


async def test_sources_are_kept_as_they_are_meant_and_shown_to_their_owner(router: Router) -> None:
    key = await router.key()
    async with router.running("http") as client:
        made = (await make(client)).json()
        assert made["sources"] == STORED
        path = f"{PATH}/{made['id']}"
        assert (await client.get(f"/v1/transports/{made['id']}", headers=key)).json()["sources"] == []
        renamed = await client.patch(path, json={"name": "Other"}, headers=OPERATOR)
        assert renamed.json()["sources"] == STORED
        usual = {"sources": [{"address": "192.0.2.1", "warmup": {"started_on": "2026-11-22"}}]}
        changed = await client.patch(path, json=usual, headers=OPERATOR)
        plan = changed.json()["sources"][0]["warmup"]
        assert plan["daily_caps"][:3] == [50, 100, 200]
        none = await client.patch(path, json={"sources": [], "max_connections": None}, headers=OPERATOR)
        assert (none.json()["sources"], none.json()["max_connections"]) == ([], None)
    kept = await router.entities.get(Kind.TRANSPORT, made["id"])
    assert kept is not None
    assert kept.version == 4


@pytest.mark.parametrize(
    ("sources", "faulty"),
    [
        ([{"address": "mail.example.com"}], {"#/sources/0/address": "value_error"}),
        ([{"address": "224.0.0.1"}, {"address": "::"}], dict.fromkeys(
            ["#/sources/0/address", "#/sources/1/address"], "value_error")),
        ([{"address": "192.0.2.1"}, {"address": "192.0.2.1"}], {"#/sources/1/address": "repeated"}),
        ([{"address": "2001:db8::1"}, {"address": "2001:db8:0::1"}], {"#/sources/1/address": "repeated"}),
        ([{"address": "192.0.2.1", "ehlo_name": "127.1"}], {"#/sources/0/ehlo_name": "value_error"}),
        ([{"address": "192.0.2.1", "weight": 3}], {"#/sources/0/weight": "extra_forbidden"}),
        ([{"address": "192.0.2.1", "warmup": {"started_on": "soon", "daily_caps": [0]}}], {
            "#/sources/0/warmup/started_on": "date_from_datetime_parsing",
            "#/sources/0/warmup/daily_caps/0": "greater_than_equal"}),
    ],
)  # fmt: skip
async def test_every_fault_of_a_source_is_named(
    router: Router, sources: list[dict[str, Any]], faulty: dict[str, str]
) -> None:
    async with router.running("http") as client:
        assert faults(await make(client, sources=sources)) == faulty
        kept = await client.get(PATH, headers=OPERATOR)
        assert kept.json()["data"] == []


async def test_only_the_operator_gives_addresses_away_each_to_one_direct_transport(router: Router) -> None:
    key = await router.key()
    one = {"sources": [{"address": "192.0.2.1"}]}
    async with router.running("http") as client:
        mine = await client.post("/v1/transports", json={**DIRECT, **one}, headers=key)
        assert faults(mine) == {"#/sources": "operator_only"}
        relay = await client.post(PATH, json={**SMART_HOST, **one}, headers=OPERATOR)
        assert faults(relay) == {"#/sources": "not_for_smarthost"}
        first = (await make(client)).json()
        assert faults(await make(client, **one)) == {"#/sources/0/address": "in_use"}
        second = (await make(client, sources=[{"address": "192.0.2.2"}])).json()
        path = f"{PATH}/{second['id']}"
        assert faults(await client.patch(path, json=one, headers=OPERATOR)) == {"#/sources/0/address": "in_use"}
        assert (await client.delete(f"{PATH}/{first['id']}", headers=OPERATOR)).status_code == 204
        assert (await client.patch(path, json=one, headers=OPERATOR)).status_code == 200
