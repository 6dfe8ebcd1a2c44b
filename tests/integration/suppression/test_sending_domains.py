"""Entries for a sending domain: only for one that the workspace has, as any other would never stop anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from shared.contracts.entities import EntityChange, Kind
from shared.contracts.topics import CONFIG_CHANGES
from shared.mongo.entities import Entities
from tests.fixtures.deployment import eventually
from tests.integration.suppression.conftest import URL, Suppressing, post

Headers = dict[str, str]
CSV = {"content-type": "text/csv"}


def of_domain(name: str) -> dict[str, str]:
    return {"scope": "domain", "domain": name}


def faults_of(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in body["errors"]]


async def test_a_domain_that_is_not_the_workspace_s_is_refused(
    answering: Suppressing, http: httpx.AsyncClient, ours: Headers
) -> None:
    await answering.add_domain("w1", "acme.example")
    await answering.add_domain("w2", "theirs.example")
    assert (await post(http, ours, email="a@b.example", **of_domain("ACME.example"))).status_code == 201
    for name in ("acme.exampel", "theirs.example", "mail.acme.example"):
        refused = await post(http, ours, email="a@b.example", **of_domain(name))
        assert refused.status_code == 422, name
        assert faults_of(refused.json()) == [("#/domain", "unknown_domain")]
        assert name in refused.json()["errors"][0]["detail"]
    assert (await http.get(URL, headers=ours)).json()["meta"]["total"] == 1


async def test_of_many_only_those_of_the_workspace_s_domains_are_added(
    answering: Suppressing, http: httpx.AsyncClient, ours: Headers
) -> None:
    await answering.add_domain("w1", "acme.example")
    items = [{"email": "a@b.example", **of_domain(name)} for name in ("acme.example", "other.example")]
    done = (await http.post(f"{URL}/bulk", json={"add": items}, headers=ours)).json()["data"]["add"]
    assert [each["status"] for each in done] == [201, 422]
    assert faults_of(done[1]["error"]) == [("#/domain", "unknown_domain")]
    rows = "email,scope,domain\nc@b.example,domain,acme.example\nd@b.example,domain,other.example\n"
    told = (await http.post(f"{URL}/import", content=rows, headers=ours | CSV)).json()["data"]
    assert (told["added"], told["faulty"]) == (1, 1)
    assert [(each["line"], each["code"]) for each in told["faults"]] == [(3, "unknown_domain")]
    refused = await http.post(
        f"{URL}/import", params=of_domain("other.example"), content="e@b.example\n", headers=ours | CSV
    )
    assert (refused.status_code, faults_of(refused.json())) == (422, [("#/domain", "unknown_domain")])


async def test_what_stands_for_a_domain_that_was_deleted_is_found_and_removed(
    answering: Suppressing, http: httpx.AsyncClient, ours: Headers
) -> None:
    id_ = await answering.add_domain("w1", "acme.example")
    where = of_domain("acme.example")
    await post(http, ours, email="a@b.example", **where)
    entities = Entities(answering.deployment.database("suppression"))
    await entities.put(Kind.DOMAIN, id_, "w1", {"name": "acme.example"}, deleted=True)
    assert (await post(http, ours, email="c@b.example", **where)).status_code == 422
    assert (await http.get(f"{URL}/a@b.example", params=where, headers=ours)).status_code == 200
    assert (await http.delete(f"{URL}/a@b.example", params=where, headers=ours)).status_code == 204


async def test_a_domain_is_known_once_ingest_has_told_of_it_and_its_keys_are_not_kept(suppressing: Suppressing) -> None:
    key = await suppressing.key("w1")
    data = {"name": "acme.example", "verified": False, "keys": [{"selector": "ph1", "private": "sealed"}]}
    change = EntityChange(
        kind=Kind.DOMAIN, id="d1", workspace_id="w1", version=1, changed_at=datetime.now(UTC), data=data
    )
    async with suppressing.running("http", "check") as http:
        await suppressing.deployment.publish(CONFIG_CHANGES, [("d1", change.encode(), {})])

        async def added() -> bool:
            return (await post(http, key, email="a@b.example", **of_domain("acme.example"))).status_code == 201

        await eventually(added)
    kept = await Entities(suppressing.deployment.database("suppression")).get(Kind.DOMAIN, "d1")
    assert kept is not None
    assert kept.data == {"name": "acme.example"}
