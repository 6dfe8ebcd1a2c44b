"""DKIM keys replaced under a running domain: begun by the route or by age, moved on by what the DNS shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.entities import Kind
from shared.contracts.record import rfc3339
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.domain_world import DomainWorld, domain_world, edit, records, states, verified_domain


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[DomainWorld]:
    async with domain_world(deployment) as opened:
        yield opened


async def test_a_rotation_from_its_beginning_to_the_revoked_key(world: DomainWorld) -> None:
    domain = await verified_domain(world)
    path = f"/{domain['uuid']}/rotation"
    at_once = await asyncio.gather(*(world.data("POST", path) for _ in range(4)))
    assert [states(one) for one in at_once] == [{"ph1": "active", "ph2": "pending"}] * 4
    assert len({records(one, "dkim")[1]["value"] for one in at_once}) == 1
    begun = await world.data("POST", path)
    assert begun["rotating"]
    assert await world.data("POST", path) == begun
    assert states(await world.verify(domain)) == {"ph1": "active", "ph2": "pending"}
    new = records(begun, "dkim")[1]
    world.publish([new], on=[1])
    assert states(await world.verify(domain)) == {"ph1": "active", "ph2": "pending"}
    world.publish([new])
    rotated = await world.verify(domain)
    assert (states(rotated), rotated["rotating"]) == ({"ph1": "retiring", "ph2": "active"}, False)
    assert [record["required"] for record in records(rotated, "dkim")] == [False, True]

    entity = await world.entities.get(Kind.DOMAIN, domain["uuid"])
    assert entity is not None
    old, current = entity.data["keys"]
    week_ago = rfc3339(datetime.now(UTC) - timedelta(days=7))
    await edit(world, domain["uuid"], keys=[{**old, "since": week_ago}, current])
    revoked = await world.verify(domain)
    assert states(revoked) == {"ph1": "revoked", "ph2": "active"}
    shown = records(await world.verify(domain), "dkim")[-1]
    assert (shown["value"], shown["is_valid"]) == ("v=DKIM1; k=rsa; p=", False)
    assert "still has a key" in shown["problem"]
    world.publish([shown])
    assert records(await world.verify(domain), "dkim")[-1]["is_valid"]
    entity = await world.entities.get(Kind.DOMAIN, domain["uuid"])
    assert entity is not None
    assert entity.data["keys"][0]["private_key"] == ""


async def test_keys_that_stand_by_or_come_to_their_age(world: DomainWorld) -> None:
    domain = await verified_domain(world, dkim_selectors=["one", "two"])
    assert states(domain) == {"one": "active", "two": "published"}
    await world.data("POST", f"/{domain['uuid']}/rotation")
    assert states(await world.verify(domain)) == {"one": "retiring", "two": "active"}

    domain = await verified_domain(world, "aged.test")
    entity = await world.entities.get(Kind.DOMAIN, domain["uuid"])
    assert entity is not None
    old = rfc3339(datetime.now(UTC) - timedelta(days=180))
    await edit(world, domain["uuid"], keys=[{**entity.data["keys"][0], "since": old}])
    due = await world.verify(domain)
    assert due["rotating"]
    assert states(due) == {"ph1": "active", "ph2": "pending"}


async def test_a_second_key_of_ed25519_from_its_wish_to_its_end(world: DomainWorld) -> None:
    domain = await verified_domain(world)
    path = f"/{domain['uuid']}"
    assert (domain["dkim_ed25519"], states(domain)) == (False, {"ph1": "active"})
    wanted = await world.data("PATCH", path, json={"dkim_ed25519": True})
    assert await world.data("PATCH", path, json={"dkim_ed25519": True}) == wanted
    assert states(wanted) == {"ph1": "active", "ph2": "pending"}
    assert [key["algorithm"] for key in wanted["dkim"]] == ["rsa-sha256", "ed25519-sha256"]
    second = records(wanted, "dkim")[1]
    assert second["value"].startswith("v=DKIM1; k=ed25519; p=")
    assert not second["required"]
    world.publish([{**second, "value": second["value"].replace("k=ed25519; ", "")}])
    shown = await world.verify(domain)
    assert states(shown) == {"ph1": "active", "ph2": "pending"}
    assert "not ed25519" in records(shown, "dkim")[1]["problem"]
    world.publish([second])
    assert states(await world.verify(domain)) == {"ph1": "active", "ph2": "active"}
    entity = await world.entities.get(Kind.DOMAIN, domain["uuid"])
    assert entity is not None
    assert (entity.data["active"], entity.data["active_ed25519"]) == ("ph1", "ph2")

    rotating = await world.data("POST", f"{path}/rotation")
    assert states(rotating) == {"ph1": "active", "ph2": "active", "ph3": "pending", "ph4": "pending"}
    world.publish(records(rotating, "dkim"))
    rotated = await world.verify(domain)
    assert (states(rotated), rotated["rotating"]) == (
        {"ph1": "retiring", "ph2": "retiring", "ph3": "active", "ph4": "active"},
        False,
    )
    ended = await world.data("PATCH", path, json={"dkim_ed25519": False})
    assert states(ended) == {"ph1": "retiring", "ph2": "retiring", "ph3": "active", "ph4": "retiring"}
    assert (ended["dkim_ed25519"], ended["rotating"], ended["verified"]) == (False, False, True)


async def test_a_domain_may_begin_with_both_and_its_wishes_are_checked(world: DomainWorld) -> None:
    both = await verified_domain(world, dkim_ed25519=True)
    assert states(both) == {"ph1": "active", "ph2": "active"}
    for body, pointer in (({}, "#/dkim_ed25519"), ({"dkim_ed25519": None}, "#/dkim_ed25519"),
                          ({"dkim_ed25519": True, "name": "x.test"}, "#/name")):  # fmt: skip
        refused = await world.call("PATCH", f"/{both['uuid']}", json=body)
        assert refused.status_code == 422
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert (await world.call("PATCH", "/none.test", json={"dkim_ed25519": True})).status_code == 404
