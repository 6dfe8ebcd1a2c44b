"""Contacts over HTTP: every fault at once, one contact of an address, nothing of another workspace."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from shared.contracts.entities import Sender
from shared.tokens import uuid7
from tests.integration.ingest.conftest import DOMAIN, Door, make_workspace
from tests.integration.ingest.contact_requests import ANN, ask, faults, kept, stored

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_fault_is_told_and_nothing_is_stored(tenant: Door) -> None:
    reply = await ask(tenant, "POST", "", {
        "attributes": {
            "email": "ann@@example.test", "a/b": {"x": 1}, "": 1, "$set": 1, "x\ny": 1, "n" * 101: 1, "list": [1],
            "large": 2**63, "long": "x" * 10_001, "good": "x",
        },
        "subscribed": "yes", "delivery_route": uuid7(), "tags": ["a"],
    })  # fmt: skip
    assert faults(reply) == {
        "#/attributes/email": "invalid_address", "#/attributes/a~1b": "wrong_type", "#/attributes/": "invalid_name",
        "#/attributes/$set": "invalid_name", "#/attributes/x\ny": "invalid_name",
        f"#/attributes/{'n' * 101}": "invalid_name", "#/attributes/list": "wrong_type",
        "#/attributes/large": "out_of_range", "#/attributes/long": "too_long", "#/subscribed": "wrong_type",
        "#/delivery_route": "sender_not_verified", "#/tags": "unknown_field",
    }  # fmt: skip
    many = {"email": "a@example.test", **{f"n{number}": number for number in range(200)}}
    full = {"email": "a@example.test", **{f"n{number}": "x" * 9_999 for number in range(7)}}
    for body, told in (
        ({}, {"#/attributes": "required"}),
        ({"attributes": None}, {"#/attributes": "wrong_type"}),
        ({"attributes": {}}, {"#/attributes/email": "required"}),
        ({"attributes": {"email": 5}}, {"#/attributes/email": "wrong_type"}),
        ({"attributes": {"email": None}}, {"#/attributes/email": "required"}),
        ({"attributes": many}, {"#/attributes": "too_many"}),
        ([], {"#": "dict_type"}),
        ({f"f{number}": 1 for number in range(501)}, {"#": "too_many_faults"}),
    ):
        assert faults(await ask(tenant, "POST", "", body)) == told
    too_large = await ask(tenant, "POST", "", {"attributes": full})
    assert (too_large.status_code, too_large.json()["code"]) == (413, "too_large")
    assert await stored(tenant) == []


async def test_an_address_is_one_contact(tenant: Door) -> None:
    first = (await ask(tenant, "POST", "", ANN)).json()["data"]
    taken = await ask(tenant, "POST", "", {"attributes": {"email": "ANN@example.test"}})
    assert faults(taken) == {"#/attributes/email": "taken"}
    other = (await ask(tenant, "POST", "", {"attributes": {"email": "bob@example.test"}})).json()["data"]
    assert faults(await ask(tenant, "PATCH", f"/{other['uuid']}", ANN)) == {"#/attributes/email": "taken"}
    moved = (await ask(tenant, "PATCH", f"/{other['uuid']}", {"attributes": {"email": "rob@example.test"}})).json()
    assert moved["data"]["attributes"] == {"email": "rob@example.test"}
    assert (await ask(tenant, "GET", "/bob@example.test")).status_code == 404
    assert (await ask(tenant, "GET", "/rob@example.test")).json() == moved
    assert faults(await ask(tenant, "PATCH", f"/{other['uuid']}", {"attributes": {"email": None}})) == {
        "#/attributes/email": "required"
    }
    replies = await asyncio.gather(
        *(ask(tenant, "POST", "", {"attributes": {"email": "new@example.test"}}) for _ in range(10))
    )
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * 9
    assert [contact["_id"] for contact in await stored(tenant)][:2] == [first["uuid"], other["uuid"]]


async def test_upsert_creates_and_then_changes(tenant: Door) -> None:
    first = await ask(tenant, "POST", "/upsert", {**ANN, "subscribed": False})
    second = await ask(tenant, "POST", "/upsert", {"attributes": {"email": "ANN@example.test", "last_name": "Lee"}})
    assert [first.status_code, second.status_code] == [200, 200]
    assert second.json()["data"]["uuid"] == first.json()["data"]["uuid"]
    assert second.json()["data"]["attributes"] == {**ANN["attributes"], "last_name": "Lee"}
    assert second.json()["data"]["subscribed"] is False


async def test_contacts_are_found_by_search_and_filters(tenant: Door) -> None:
    for address, subscribed in (("ann@one.test", True), ("bob@one.test", False), ("a.n@two.test", False)):
        await ask(tenant, "POST", "", {"attributes": {"email": address}, "subscribed": subscribed})

    async def found(**query: str) -> list[str]:
        reply = await ask(tenant, "GET", f"?{httpx.QueryParams(query)}")
        assert reply.status_code == 200, reply.text
        assert reply.json()["meta"]["total"] == len(reply.json()["data"])
        return [contact["attributes"]["email"] for contact in reply.json()["data"]]

    def by(name: str, value: Any) -> str:
        return json.dumps([{"id": name, "value": value}])

    assert await found(search="ONE") == ["ann@one.test", "bob@one.test"]
    assert await found(search="a.n") == ["a.n@two.test"]
    assert await found(filters=by("subscribed", False)) == ["bob@one.test", "a.n@two.test"]
    assert await found(filters=by("subscribed", [True, False]), search="bob") == ["bob@one.test"]
    assert await found(filters=by("email", ["ANN@one.test", "x@y.test"])) == ["ann@one.test"]
    assert await found(filters="[]") == ["ann@one.test", "bob@one.test", "a.n@two.test"]
    wrong = [by("name", 1), by("subscribed", "x"), by("email", {"$ne": 1})]
    for text in ("{", "{}", "[1]", '[{"id":"subscribed"}]', *wrong):
        reply = await ask(tenant, "GET", f"?{httpx.QueryParams(filters=text)}")
        assert list(faults(reply)) == ["#/filters"], text
    for query in ("page=0", "per_page=101", "limit=1", "search=", "search=%00"):
        assert len(faults(await ask(tenant, "GET", f"?{query}"))) == 1, query


async def test_the_delivery_route_is_a_verified_sender_of_the_workspace(tenant: Door) -> None:
    route = await tenant.workspaces.create_sender(
        tenant.workspace.id, Sender(address=f"care@{DOMAIN}", name="Care", verified=True)
    )
    new = Sender(address=f"new@{DOMAIN}", verified=False)
    unverified = await tenant.workspaces.create_sender(tenant.workspace.id, new)
    other, _ = await make_workspace(tenant.workspaces)
    foreign = await tenant.workspaces.create_sender(other.id, Sender(address="x@other.test", verified=True))
    for refused in (unverified.id, foreign.id, "nothing", ""):
        reply = await ask(tenant, "POST", "", {**ANN, "delivery_route": refused})
        assert faults(reply) == {"#/delivery_route": "sender_not_verified"}
    assert (await ask(tenant, "POST", "", ANN)).json()["data"]["delivery_route"] is None
    changed = await ask(tenant, "PATCH", "/ann@example.test", {"delivery_route": route.id})
    assert changed.json()["data"]["delivery_route"] == route.id
    assert (await ask(tenant, "PATCH", "/ann@example.test", {"subscribed": True})).json() == changed.json()
    cleared = await ask(tenant, "PATCH", "/ann@example.test", {"delivery_route": None})
    assert cleared.json()["data"]["delivery_route"] is None


async def test_another_workspaces_contact_is_not_found(tenant: Door) -> None:
    contact = (await ask(tenant, "POST", "", ANN)).json()["data"]
    await ask(tenant, "POST", f"/{contact['uuid']}/events", {"event_name": "seen"})
    _, key = await make_workspace(tenant.workspaces)
    for identifier in (contact["uuid"], "ann@example.test"):
        for method, path in (
            ("GET", ""), ("POST", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/subscribe"), ("POST", "/unsubscribe"),
            ("GET", "/events"), ("POST", "/events"),
        ):  # fmt: skip
            reply = await ask(tenant, method, f"/{identifier}{path}", {"wrong": 1}, key)
            assert (reply.status_code, reply.json()["detail"]) == (404, "No such contact."), (method, path)
    assert (await ask(tenant, "GET", "", None, key)).json()["data"] == []
    assert (await ask(tenant, "GET", f"/{contact['uuid']}")).json()["data"] == contact
    own = await ask(tenant, "POST", "", ANN, key)
    assert own.status_code == 201
    assert own.json()["data"]["uuid"] != contact["uuid"]


async def test_the_key_is_asked_for_before_the_body_is_read(tenant: Door) -> None:
    poor = await tenant.workspaces.create_api_key(tenant.workspace.id, "poor", ["email.send", "templates"])
    for method, path in (("GET", ""), ("POST", ""), ("POST", "/upsert"), ("POST", "/x@y.test/events"), ("PATCH", "/x")):
        nobody = await ask(tenant, method, path, {"wrong": 1}, "nobody")
        assert (nobody.status_code, nobody.headers["content-type"]) == (401, "application/problem+json")
        refused = await ask(tenant, method, path, {"wrong": 1}, poor.secret)
        assert (refused.status_code, refused.json()["required_scope"]) == (403, "contacts")


async def test_a_contact_is_deleted_with_its_events(tenant: Door) -> None:
    contact = (await ask(tenant, "POST", "", ANN)).json()["data"]
    await ask(tenant, "POST", "/ann@example.test/events", {"event_name": "seen"})
    assert (await ask(tenant, "DELETE", "/ann@example.test")).status_code == 204
    assert (await ask(tenant, "DELETE", f"/{contact['uuid']}")).status_code == 404
    assert await stored(tenant) == []
    assert await kept(tenant, "contact_events", workspace_id=tenant.workspace.id) == []


async def test_faults_of_an_event_are_told(tenant: Door) -> None:
    await ask(tenant, "POST", "", ANN)
    for body, told in (
        ({}, {"#/event_name": "required"}),
        ({"event_name": "", "attributes": 5}, {"#/event_name": "required", "#/attributes": "wrong_type"}),
        ({"event_name": "x" * 201}, {"#/event_name": "too_long"}),
        ({"event_name": "a\nb"}, {"#/event_name": "invalid_name"}),
        ({"event_name": "a", "attributes": "{"}, {"#/attributes": "malformed_json"}),
        ({"event_name": "a", "attributes": "[1]"}, {"#/attributes": "wrong_type"}),
        ({"event_name": "a", "attributes": {"n": 2**64}}, {"#/attributes": "out_of_range"}),
        ({"event_name": "a", "attributes": {}, "at": "now"}, {"#/at": "unknown_field"}),
    ):
        assert faults(await ask(tenant, "POST", "/ann@example.test/events", body)) == told, body
    large = {"event_name": "a", "attributes": {"x": "y" * 40_000}}
    assert (await ask(tenant, "POST", "/ann@example.test/events", large)).status_code == 413
    assert (await ask(tenant, "GET", "/ann@example.test/events")).json()["data"] == []
