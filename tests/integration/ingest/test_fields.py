"""Declared fields over HTTP: unique by name, told in full where they are wrong, and held against attributes."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from services.ingest.contacts.declared import MOST_FIELDS
from tests.integration.ingest.conftest import Door, make_workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(door: Door, method: str, path: str = "", body: Any = None, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {door.key if key is None else key}"}
    return await door.http.request(method, f"/v1/{path or 'fields'}", headers=headers, json=body)


async def declare(door: Door, name: str, type_: str = "text", **format_: str) -> dict[str, Any]:
    reply = await ask(door, "POST", "", {"name": name, "type": type_, **({"format": format_} if format_ else {})})
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()["data"]
    return made


def faults(reply: httpx.Response) -> dict[str, str]:
    assert reply.status_code == 422, reply.text
    return {fault["pointer"]: fault["code"] for fault in reply.json()["errors"]}


async def test_every_fault_is_told_and_nothing_is_stored(tenant: Door) -> None:
    for body, told in (
        ({}, {"#/name": "required", "#/type": "required"}),
        ({"name": "a b", "type": "number", "format": {"text": "html", "min": 1}, "label": "x"},
         {"#/name": "invalid_name", "#/type": "invalid_choice", "#/format/text": "invalid_choice",
          "#/format/min": "unknown_field", "#/label": "unknown_field"}),
        ({"name": "subscribed", "type": "text", "format": {"text": "regex", "pattern": "(a+)+\\1"}},
         {"#/name": "reserved", "#/format/pattern": "invalid_pattern"}),
        ({"name": "a", "type": "date", "format": {"iso_format": "YY"}}, {"#/format/iso_format": "invalid"}),
        ({"name": "a", "type": "text", "format": "url"}, {"#/format": "wrong_type"}),
    ):  # fmt: skip
        assert faults(await ask(tenant, "POST", "", body)) == told
    assert (await ask(tenant, "GET")).json()["data"] == []


async def test_a_name_is_one_field(tenant: Door) -> None:
    plan = await declare(tenant, "plan")
    other = await declare(tenant, "other")
    assert faults(await ask(tenant, "POST", "", {"name": "plan", "type": "integer"})) == {"#/name": "taken"}
    assert faults(await ask(tenant, "PATCH", f"fields/{other['uuid']}", {"name": "plan"})) == {"#/name": "taken"}
    replies = await asyncio.gather(*(ask(tenant, "POST", "", {"name": "new", "type": "text"}) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [201, 422, 422, 422]
    assert [field["name"] for field in (await ask(tenant, "GET")).json()["data"]] == ["plan", "other", "new"]
    assert (await ask(tenant, "GET", f"fields/{plan['uuid'].upper()}")).json()["data"] == plan


async def test_a_change_is_held_against_the_whole_field(tenant: Door) -> None:
    url = await declare(tenant, "site", text="url")
    path = f"fields/{url['uuid']}"
    assert faults(await ask(tenant, "PATCH", path, {"type": "integer"})) == {"#/format/text": "not_allowed"}
    assert (await ask(tenant, "PATCH", path, {})).json()["data"] == url
    changed = (await ask(tenant, "POST", path, {"type": "integer", "format": None})).json()["data"]
    assert changed == {**url, "type": "integer", "format": None}


async def test_attributes_are_held_against_their_fields(tenant: Door) -> None:
    await declare(tenant, "age", "integer")
    await declare(tenant, "born", "date")
    code = await declare(tenant, "code", "text", text="regex", pattern="^[A-Z]{2}[0-9]+$")
    wrong = {"email": "ann@example.test", "age": "41", "born": "1983-02-30", "code": "ch1", "free": "x"}
    for path in ("contacts", "contacts/upsert"):
        assert faults(await ask(tenant, "POST", path, {"attributes": wrong})) == {
            "#/attributes/age": "wrong_value", "#/attributes/born": "wrong_value", "#/attributes/code": "wrong_value",
        }  # fmt: skip
    right = {"email": "ann@example.test", "age": 41, "born": "1983-02-28", "code": "CH1", "free": "x"}
    made = await ask(tenant, "POST", "contacts", {"attributes": right})
    assert made.json()["data"]["attributes"] == right
    one = "contacts/ann@example.test"
    assert faults(await ask(tenant, "PATCH", one, {"attributes": {"code": "x"}})) == {
        "#/attributes/code": "wrong_value"
    }
    await ask(tenant, "DELETE", f"fields/{code['uuid']}")
    assert (await ask(tenant, "PATCH", one, {"attributes": {"code": "x"}})).status_code == 200


async def test_another_workspaces_field_is_not_found(tenant: Door) -> None:
    field = await declare(tenant, "plan", "integer")
    _, key = await make_workspace(tenant.workspaces)
    for method in ("GET", "POST", "PATCH", "DELETE"):
        reply = await ask(tenant, method, f"fields/{field['uuid']}", {"wrong": 1}, key)
        assert (reply.status_code, reply.json()["detail"]) == (404, "No such field."), method
    assert (await ask(tenant, "GET", "fields", None, key)).json()["data"] == []
    free = {"attributes": {"email": "ann@example.test", "plan": "pro"}}
    assert (await ask(tenant, "POST", "contacts", free, key)).status_code == 201
    assert (await ask(tenant, "POST", "contacts", free)).status_code == 422


async def test_the_key_is_asked_for_before_the_body_is_read(tenant: Door) -> None:
    poor = await tenant.workspaces.create_api_key(tenant.workspace.id, "poor", ["templates"])
    for method, path in (("GET", "fields"), ("POST", "fields"), ("PATCH", "fields/x"), ("DELETE", "fields/x")):
        assert (await ask(tenant, method, path, {"wrong": 1}, "nobody")).status_code == 401
        refused = await ask(tenant, method, path, {"wrong": 1}, poor.secret)
        assert (refused.status_code, refused.json()["required_scope"]) == (403, "contacts")


async def test_a_workspace_has_so_many_fields_and_no_more(tenant: Door) -> None:
    first = await declare(tenant, "first")
    fields = [{**first, "uuid": f"f{number}", "name": f"f{number}"} for number in range(1, MOST_FIELDS)]
    await tenant.deployment.database("ingest")["fields"].update_one(
        {"_id": tenant.workspace.id}, {"$push": {"data.fields": {"$each": fields}}}
    )
    assert faults(await ask(tenant, "POST", "", {"name": "more", "type": "text"})) == {"#": "too_many"}
    assert (await ask(tenant, "DELETE", "fields/f1")).status_code == 204
    await declare(tenant, "more")


@pytest.mark.parametrize("filters", ["{", '[{"id":"name","value":"x"}]', '[{"id":"type","value":["number"]}]'])
async def test_filters_that_are_none_are_refused(tenant: Door, filters: str) -> None:
    assert list(faults(await ask(tenant, "GET", f"fields?{httpx.QueryParams(filters=filters)}"))) == ["#/filters"]
