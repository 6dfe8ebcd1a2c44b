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
