"""What the routes of domains and addresses refuse, and what they keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.contracts.entities import Kind
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import make_workspace
from tests.integration.ingest.domain_world import (
    ADDRESS,
    FEATURES,
    DomainWorld,
    domain_world,
    send_from,
    verified_domain,
)


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[DomainWorld]:
    async with domain_world(deployment) as opened:
        yield opened


async def _is(call: Any, expected: Any) -> bool:
    return bool(await call == expected)


async def test_gates_come_before_anything_is_read(world: DomainWorld) -> None:
    domain = await world.create()
    workspaces = world.door.workspaces
    _, other_key = await make_workspace(workspaces, features=FEATURES)
    scopeless = await workspaces.create_api_key(world.workspace_id, "k", ["email.send"])
    _, featureless = await make_workspace(workspaces, features=["smtp.enabled"])
    paths = ["", f"/{domain['uuid']}", f"/{domain['uuid']}/addresses", f"/{domain['uuid']}/addresses/x"]
    for path in paths:
        assert (await world.call("GET", path, "wrong")).status_code == 401
        reply = await world.call("GET", path, scopeless.secret)
        assert (reply.status_code, reply.json()["code"]) == (403, "missing_scope")
        reply = await world.call("GET", path, featureless)
        assert reply.status_code == 403
        assert {"error": "upgrade_needed", "feature": "domains.enabled"}.items() <= reply.json().items()
    for method, path in (
        ("GET", paths[1]), ("DELETE", paths[1]), ("POST", f"{paths[1]}/verification"), ("POST", f"{paths[1]}/rotation"),
        ("GET", paths[2]), ("POST", paths[2]), ("GET", paths[3]), ("DELETE", paths[3]),
    ):  # fmt: skip
        reply = await world.call(method, path, other_key, content=b"{" if path == paths[2] else None)
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found"), (method, path)
    assert (await world.call("GET", key=other_key)).json()["data"] == []
    assert (await world.call("GET", paths[1])).status_code == 200
    _, key = await make_workspace(workspaces, features=FEATURES, max_domains=1)
    assert (await world.call("POST", key=key, json={"name": "one.test"})).status_code == 201
    reply = await world.call("POST", key=key, content=b"{")
    assert reply.status_code == 403
    assert {"error": "limit_exceeded", "feature": "domains.max"}.items() <= reply.json().items()


BAD_DOMAINS: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({}, {("#/name", "missing")}),
    ({"name": "com"}, {("#/name", "invalid_domain")}),
    ({"name": 1, "provider": "aws"}, {("#/name", "string_type"), ("#/provider", "extra_forbidden")}),
    (
        {"name": "co.uk", "dkim_selectors": ["ok", "elevenchars", "a.b"], "tracking_subdomain": "a.b"},
        {("#/name", "invalid_domain"), ("#/dkim_selectors/1", "invalid_selector"),
         ("#/dkim_selectors/2", "invalid_selector"), ("#/tracking_subdomain", "invalid_label")},
    ),
    (
        {"name": "shop.test", "tracking_mode": "direct", "dkim_selectors": ["a", "A"]},
        {("#/tracking_mode", "needs_subdomain"), ("#/dkim_selectors", "duplicate")},
    ),
    ({"name": "shop.test", "tracking_subdomain": "bounce"}, {("#/tracking_subdomain", "reserved")}),
    (
        {"name": "shop.test", "tracking_subdomain": "go", "tracking_mode": "x"},
        {("#/tracking_mode", "literal_error")},
    ),
    ({"name": "shop.test", "dkim_selectors": list("abcde")}, {("#/dkim_selectors", "too_long")}),
]  # fmt: skip


async def test_a_bad_domain_is_refused_with_every_fault(world: DomainWorld) -> None:
    for body, faults in BAD_DOMAINS:
        reply = await world.call("POST", json=body)
        assert reply.status_code == 422, reply.text
        assert {(fault["pointer"], fault["code"]) for fault in reply.json()["errors"]} == faults
    assert (await world.call("GET")).json()["meta"]["total"] == 0


async def test_one_domain_of_a_name_in_a_workspace_and_a_name_that_is_deleted_is_free(world: DomainWorld) -> None:
    await verified_domain(world, "acme.test")  # locally also where another workspace has it
    domain = await verified_domain(world)
    await world.data("POST", f"/{domain['uuid']}/addresses", json=ADDRESS)
    reply = await world.call("POST", json={"name": "SHOP.test"})
    assert [(fault["pointer"], fault["code"]) for fault in reply.json()["errors"]] == [("#/name", "already_exists")]
    assert (await world.call("DELETE", f"/{domain['uuid']}")).status_code == 204
    assert (await world.call("DELETE", f"/{domain['uuid']}")).status_code == 404
    entity = await world.entities.get(Kind.DOMAIN, domain["uuid"])
    assert entity is not None
    assert (entity.deleted, entity.data["keys"]) == (True, [])
    await eventually(lambda: _is(send_from(world, "a@shop.test"), 422))
    again = await world.create()
    await world.data("POST", f"/{again['uuid']}/addresses", json=ADDRESS)


async def test_addresses_of_a_domain(world: DomainWorld) -> None:
    domain = await world.create()
    path = f"/{domain['uuid']}/addresses"
    made = await world.data("POST", path, json={**ADDRESS, "address": "Receipts", "company_address_2": None})
    assert {name: made[name] for name in ("domain_uuid", "address", "full_address", "provider", "verification")} == {
        "domain_uuid": domain["uuid"], "address": "receipts", "full_address": "receipts@shop.test",
        "provider": "leadpush", "verification": "pending",
    }  # fmt: skip
    assert {name: made[name] for name in ADDRESS if name != "address"} == {
        name: value for name, value in ADDRESS.items() if name != "address"
    }
    world.publish(domain["dns"])
    await world.verify(domain)
    assert (await world.data("GET", f"/shop.test/addresses/{made['uuid']}"))["verification"] == "completed"
    await eventually(lambda: _is(send_from(world, "receipts@shop.test"), 202))
    second = await world.create("two.test")
    assert (await world.call("GET", f"/{second['uuid']}/addresses/{made['uuid']}")).status_code == 404
    assert (await world.call("DELETE", f"{path}/{made['uuid']}")).status_code == 204
    assert (await world.call("GET", f"{path}/{made['uuid']}")).status_code == 404


BAD_ADDRESSES: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({"address": "a@shop.test"}, {("#/address", "local_part_only")}),
    ({"address": "a..b"}, {("#/address", "invalid_address")}),
    ({"address": "ü"}, {("#/address", "invalid_address")}),
    ({"reply_to": "nobody", "display_name": "a\nb"},
     {("#/reply_to", "invalid_address"), ("#/display_name", "invalid_text")}),
    ({"company_city": ..., "company_zip": " ", "extra": 1},
     {("#/company_city", "missing"), ("#/company_zip", "invalid_text"), ("#/extra", "extra_forbidden")}),
]  # fmt: skip


async def test_a_bad_address_is_refused_with_every_fault(world: DomainWorld) -> None:
    domain = await world.create()
    for changes, faults in BAD_ADDRESSES:
        body = {name: value for name, value in {**ADDRESS, **changes}.items() if value is not ...}
        reply = await world.call("POST", f"/{domain['uuid']}/addresses", json=body)
        assert reply.status_code == 422, reply.text
        assert {(fault["pointer"], fault["code"]) for fault in reply.json()["errors"]} == faults
    assert (await world.call("GET", f"/{domain['uuid']}/addresses")).json()["meta"]["total"] == 0
