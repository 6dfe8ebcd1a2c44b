"""Many at once: changes with a result each, checks as the pipeline would, filters of lists, removals and history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.suppression.rules import Lesson, Place, Reason
from shared.contracts.entities import Kind
from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import SUPPRESSION_CHANGES
from shared.mongo.entities import Entities
from tests.integration.suppression.conftest import OPERATOR, URL, Suppressing, post

PLATFORM = {"authorization": f"Bearer {OPERATOR}"}


async def bulk(http: httpx.AsyncClient, key: dict[str, str], **body: Any) -> dict[str, Any]:
    reply = await http.post(f"{URL}/bulk", json=body, headers=key)
    assert reply.status_code == 200, reply.text
    data: dict[str, Any] = reply.json()["data"]
    return data


async def test_each_item_of_a_bulk_has_its_own_result_and_again_changes_nothing(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str]
) -> None:
    angry = (await post(http, ours, email="angry@b.example", type="complaint")).json()["data"]
    known = (await post(http, ours, email="known@b.example", reason="before")).json()["data"]
    body: dict[str, Any] = {
        "add": [
            {"email": "New@b.example", "reason": "list"},
            {"email": "no address"},
            {"email": "known@b.example"},
            {"email": "s@b.example", "type": "unsubscribe", "scope": "stream", "stream": "billing"},
            {"email": "a@b.example", "colour": "red"},
            {"email": "a@b.example", "type": "unsubscribe"},
        ],
        "remove": [{"uuid": angry["uuid"]}, {"email": "never@b.example"}, {}],
    }
    first = await bulk(http, ours, **body)
    assert [each["status"] for each in first["add"]] == [201, 422, 200, 201, 422, 422]
    assert [each["status"] for each in first["remove"]] == [403, 404, 422]
    assert (first["done"], first["refused"]) == (3, 6)
    assert first["add"][2]["data"] == known
    assert first["add"][1]["error"]["errors"][0]["pointer"] == "#/email"
    assert first["remove"][0]["error"]["required_scope"] == "admin"
    again = await bulk(http, ours, **body)
    assert [each["status"] for each in again["add"]] == [200, 422, 200, 200, 422, 422]
    assert again["add"][0]["data"] == first["add"][0]["data"]
    admin = await answering.key("w1", "suppressions", "admin")
    named = [{"uuid": angry["uuid"]}, {"email": "s@b.example", "scope": "stream", "stream": "billing"}]
    assert [each["status"] for each in (await bulk(http, admin, remove=named))["remove"]] == [422, 204]
    named[0]["reason"] = "was a mistake, they wrote"
    assert [each["status"] for each in (await bulk(http, admin, remove=named))["remove"]] == [204, 404]
    records = await answering.deployment.records(SUPPRESSION_CHANGES, 6)
    changes = [SuppressionChange.decode(record.value) for record in records]
    assert [(each.change, each.scope) for each in changes] == [
        ("added", "workspace:w1"), ("added", "workspace:w1"), ("added", "workspace:w1"),
        ("added", "workspace:w1:stream:billing"), ("removed", "workspace:w1:stream:billing"),
        ("removed", "workspace:w1"),
    ]  # fmt: skip


async def test_a_bulk_is_bounded(http: httpx.AsyncClient, ours: dict[str, str]) -> None:
    for body in ({}, {"add": [{"email": "a@b.example"}] * 501, "remove": [{"email": "a@b.example"}] * 500}):
        refused = await http.post(f"{URL}/bulk", json=body, headers=ours)
        assert refused.status_code == 422
    many = [{"email": f"a{number}@b.example", "reason": "x" * 300} for number in range(1000)]
    assert (await bulk(http, ours, add=many))["done"] == 1000


async def test_a_check_says_what_the_pipeline_would(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    entities = Entities(answering.deployment.database("suppression"))
    spares = {"name": "W", "owner_email": "o@w.example", "complaints_spare_critical": True}
    await entities.put(Kind.WORKSPACE, "w1", "w1", spares)
    own = (await post(http, ours, email="own@b.example")).json()["data"]
    await post(http, ours, email="angry@b.example", type="complaint")
    await answering.add_domain("w1", "acme.example")
    await post(http, ours, email="domain@b.example", scope="domain", domain="acme.example")
    await post(http, ours, email="stream@b.example", type="unsubscribe", scope="stream", stream="security")
    await post(http, theirs, email="fine@b.example")
    await http.post("/v1/platform/suppressions", json={"email": "trap@b.example"}, headers=PLATFORM)
    names = ("OWN", "angry", "domain", "stream", "fine", "trap")
    emails = [f"{name}@b.example" for name in names] + ["no address"]

    async def check(**more: Any) -> list[Any]:
        reply = await http.post(f"{URL}/check", json={"emails": emails, **more}, headers=ours)
        assert [each["email"] for each in reply.json()["data"]] == emails
        return [each["reason"] if each["verdict"] == "suppressed" else each["verdict"] for each in reply.json()["data"]]

    assert await check() == ["manual", "complaint", "send", "send", "send", "manual", "invalid"]
    assert await check(**{"from": "x@Acme.example", "stream": "product"}) == [
        "manual", "complaint", "manual", "send", "send", "manual", "invalid",
    ]  # fmt: skip
    assert await check(stream="security") == ["manual", "send", "send", "unsubscribe", "send", "manual", "invalid"]
    found = (await http.post(f"{URL}/check", json={"emails": emails}, headers=ours)).json()["data"]
    assert (found[0]["suppression"], found[0]["scope"]) == (own["uuid"], "workspace:w1")
    assert (found[5]["suppression"], found[5]["scope"]) == (None, "platform")
    platform = await http.post("/v1/platform/suppressions/check", json={"emails": emails}, headers=PLATFORM)
    assert [each["verdict"] for each in platform.json()["data"]].count("suppressed") == 1
    for body in ({"emails": []}, {"emails": ["a@b.example"] * 1001}, {"emails": emails, "from": "nobody"}):
        assert (await http.post(f"{URL}/check", json=body, headers=ours)).status_code == 422


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"id": "cause", "value": "inactive"}, {"inactive"}),
        ({"id": "type", "value": ["bounce"]}, {"inactive"}),
        ({"id": "scope", "value": "workspace"}, {"inactive", "manual", "ends"}),
        ({"id": "scope", "value": ["domain", "stream"]}, {"domain", "stream"}),
        ({"id": "domain", "value": "ACME.example"}, {"domain"}),
        ({"id": "stream", "value": "billing"}, {"stream"}),
        ({"id": "origin", "value": "event"}, {"inactive"}),
        ({"id": "expiring", "value": True}, {"inactive", "ends"}),
        ({"id": "expiring", "value": False}, {"manual", "domain", "stream"}),
        ({"id": "expiring", "value": 7}, {"ends"}),
    ],
)
async def test_lists_and_exports_are_filtered(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str], filter_: dict[str, Any], expected: set[str]
) -> None:
    now = datetime.now(UTC)
    await answering.store.learn(
        [Lesson(Place("w1"), "inactive@b.example", Reason.INACTIVE, now, now + timedelta(days=90), "e1", {})]
    )
    await post(http, ours, email="manual@b.example")
    await post(http, ours, email="ends@b.example", expires_at=(now + timedelta(days=3)).isoformat())
    await answering.add_domain("w1", "acme.example")
    await post(http, ours, email="domain@b.example", scope="domain", domain="acme.example")
    await post(http, ours, email="stream@b.example", type="unsubscribe", scope="stream", stream="billing")
    filters = str([filter_]).replace("'", '"').replace("True", "true").replace("False", "false")
    found = (await http.get(URL, params={"filters": filters}, headers=ours)).json()
    assert {entry["email"].partition("@")[0] for entry in found["data"]} == expected
    assert found["meta"]["total"] == len(expected)
    exported = (await http.get(f"{URL}/export", params={"filters": filters}, headers=ours)).text
    assert {line.partition("@")[0] for line in exported.splitlines()[1:]} == expected


@pytest.mark.parametrize(
    "filter_", [("cause", "unheard-of"), ("domain", "a b"), ("expiring", 0), ("expiring", "soon"), ("scope", "earth")]
)
async def test_a_filter_that_means_nothing_is_refused(
    http: httpx.AsyncClient, ours: dict[str, str], filter_: tuple[str, Any]
) -> None:
    filters = str([{"id": filter_[0], "value": filter_[1]}]).replace("'", '"')
    refused = await http.get(URL, params={"filters": filters}, headers=ours)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/filters")


async def test_a_removal_says_who_when_and_why_and_the_address_is_not_kept(
    answering: Suppressing, http: httpx.AsyncClient, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    began = datetime.now(UTC) - timedelta(seconds=60)
    admin = await answering.key("w1", "suppressions", "admin")
    added = (await post(http, ours, email="ann@b.example", type="complaint", reason="wrote to us")).json()["data"]
    why = {"reason": "asked for the invoice again"}
    assert (await http.delete(f"{URL}/ann@b.example", params=why, headers=admin)).status_code == 204
    (listed,) = (await http.get(f"{URL}/removals", headers=ours)).json()["data"]
    assert (listed["uuid"], listed["cause"], listed["reason"], listed["origin"]) == (
        added["uuid"], "complaint", "asked for the invoice again", "api",
    )  # fmt: skip
    assert listed["by"] is not None
    assert datetime.fromisoformat(listed["removed_at"]) > began
    assert (await http.get(f"{URL}/removals", params={"email": "ANN@b.example"}, headers=ours)).json()["meta"][
        "total"
    ] == 1
    assert (await http.get(f"{URL}/removals", params={"email": "x@b.example"}, headers=ours)).json()["data"] == []
    assert (await http.get(f"{URL}/removals", headers=theirs)).json()["data"] == []
    await post(http, ours, email="ann@b.example")
    assert (await http.get(f"{URL}/removals", headers=ours)).json()["data"] == []
    for name in (added["uuid"], "ann@b.example"):
        history = (await http.get(f"{URL}/{name}/history", headers=ours)).json()["data"]
        assert [(each["change"], each["cause"], each["reason"]) for each in history] == [
            ("added", "manual", None), ("removed", "complaint", "asked for the invoice again"),
            ("added", "complaint", None),
        ]  # fmt: skip
        assert (history[1]["by"], history[1]["origin"]) == (listed["by"], "api")
        assert (await http.get(f"{URL}/{name}/history", headers=theirs)).status_code == 404
    await http.delete(f"{URL}/ann@b.example", headers=ours)
    assert (await http.get(f"{URL}/{added['uuid']}/history", headers=ours)).status_code == 200
