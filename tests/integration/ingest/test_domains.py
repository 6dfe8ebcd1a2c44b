"""A domain's life by the API: its records, real looks at the DNS, verification, rotation and loss."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.local.commands import app as commands
from deploy.local.dns import FILE_NAME, LocalNames
from deploy.local.dns import NameServer as LocalServer
from services.ingest.app import create_app
from services.ingest.domains.checks import Checks
from services.ingest.domains.resolvers import Resolvers
from services.ingest.domains.upkeep import Upkeep
from services.ingest.publication.tenure import HeldTenure
from services.ingest.store.domains import Domains, NameTakenError
from shared.contracts.entities import Kind
from shared.contracts.record import rfc3339
from shared.kafka.publish import Publisher
from shared.mongo.due import Tenure
from shared.secrets import SecretBox
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.dns_server import Says
from tests.integration.ingest.conftest import DOMAIN, make_workspace
from tests.integration.ingest.domain_world import (
    FEATURES,
    DomainWorld,
    domain_world,
    edit,
    records,
    send_from,
    states,
    verified_domain,
)


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[DomainWorld]:
    async with domain_world(deployment) as opened:
        yield opened


async def test_a_new_domain_says_what_to_publish(world: DomainWorld) -> None:
    reply = await world.call(
        "POST", json={"name": "Shop.Test", "dkim_selectors": ["A1", "a2"], "tracking_subdomain": "go"}
    )
    assert reply.status_code == 201, reply.text
    domain = reply.json()["data"]
    assert reply.headers["location"] == f"/v1/domains/{domain['uuid']}"
    assert {name: domain[name] for name in ("name", "domain", "verified", "status", "verification", "provider")} == {
        "name": "shop.test", "domain": "shop.test", "verified": False, "status": "pending", "verification": "pending",
        "provider": "leadpush",
    }  # fmt: skip
    assert [(record["type"], record["name"], record["required"]) for record in domain["dns"]] == [
        ("TXT", "_posthorn.shop.test", True),
        ("TXT", "a1._domainkey.shop.test", True),
        ("TXT", "a2._domainkey.shop.test", False),
        ("CNAME", "bounce.shop.test", False),
        ("TXT", "_dmarc.shop.test", False),
        ("CNAME", "go.shop.test", False),
    ]
    assert [record["value"] for record in records(domain, "return_path", "tracking")] == [
        "returns.mail.posthorn.test", "track.mail.posthorn.test",
    ]  # fmt: skip
    assert not any(record["is_valid"] for record in domain["dns"])
    assert (domain["mail_from_domain"], domain["mail_from_verified"]) == ("bounce.shop.test", False)
    assert (domain["tracking_mode"], domain["checked_at"]) == ("direct", None)
    assert await send_from(world, "a@shop.test") == 422
    assert await world.data("GET", f"/{domain['uuid']}") == domain
    assert await world.data("GET", "/SHOP.test") == domain


async def test_what_is_published_verifies_the_domain_and_opens_the_door(world: DomainWorld) -> None:
    domain = await verified_domain(world, tracking_subdomain="go")
    assert all(record["is_valid"] for record in domain["dns"])
    assert (domain["status"], domain["verification"], domain["mail_from_verified"]) == ("active", "completed", True)
    assert states(domain) == {"ph1": "active"}
    await eventually(lambda: _is(send_from(world, "a@shop.test"), 202))
    entity = await world.entities.get(Kind.DOMAIN, domain["uuid"])
    assert entity is not None
    [key] = entity.data["keys"]
    box = SecretBox(world.settings.encryption_key_bytes)
    assert b"BEGIN PRIVATE KEY" in box.open(key["private_key"], f"dkim:{entity.id}")
    assert key["private_key"] not in str(await world.data("GET", f"/{domain['uuid']}"))


async def _is(call: Any, expected: Any) -> bool:
    return bool(await call == expected)


async def test_return_path_dmarc_and_tracking_are_no_bar(world: DomainWorld) -> None:
    domain = await world.create(tracking_subdomain="go")
    world.publish(records(domain, "ownership", "dkim"))
    domain = await world.verify(domain)
    assert domain["verified"]
    assert [record["is_valid"] for record in records(domain, "return_path", "dmarc", "tracking")] == [False] * 3
    assert all("not published" in record["problem"] for record in records(domain, "return_path", "dmarc", "tracking"))


async def test_ownership_and_key_are_both_needed_from_both_resolvers(world: DomainWorld) -> None:
    for missing in ("ownership", "dkim"):
        domain = await world.create(f"{missing}.test")
        world.publish(record for record in domain["dns"] if record["purpose"] != missing)
        world.publish(records(domain, missing), on=[0])
        domain = await world.verify(domain)
        [record] = records(domain, missing)
        assert (domain["verified"], record["is_valid"]) == (False, False)
        assert "1 of 2 resolvers" in record["problem"]
        world.publish(records(domain, missing))
        assert (await world.verify(domain))["verified"]
    # another key at the selector
    [key] = records(domain, "dkim")
    world.everywhere(key["name"], Says([f'{key["name"]}. 60 TXT "v=DKIM1; p=AAAA"']))
    [shown] = records(await world.verify(domain), "dkim")
    assert (shown["is_valid"], shown["found"]) == (False, ["v=DKIM1; p=AAAA"])
    assert "another key" in shown["problem"]


async def test_a_dns_that_fails_changes_no_verdict(world: DomainWorld) -> None:
    domain = await verified_domain(world)
    for failure, told in ((Says(rcode="SERVFAIL"), "SERVFAIL"), (Says(silent=True), "timed out")):
        for record in domain["dns"]:
            world.everywhere(record["name"], failure)
        after = await world.verify(domain)
        assert (after["verified"], after["status"], after["lost_since"]) == (True, "active", None)
        assert [record["is_valid"] for record in after["dns"]] == [True] * 4
        assert all(f"could not be looked up ({told})" in record["problem"] for record in after["dns"])


async def test_a_domain_that_loses_its_records_sends_for_72_hours(world: DomainWorld) -> None:
    domain = await verified_domain(world)
    [ownership] = records(domain, "ownership")
    world.withdraw(ownership["name"])
    failing = await world.verify(domain)
    assert (failing["verified"], failing["status"], failing["verification"]) == (True, "failing", "completed")
    assert await send_from(world, "a@shop.test") == 202
    await edit(world, domain["uuid"], lost_since=rfc3339(datetime.now(UTC) - timedelta(hours=72)))
    lost = await world.verify(domain)
    assert (lost["verified"], lost["status"], lost["verification"]) == (False, "suspended", "failed")
    await eventually(lambda: _is(send_from(world, "a@shop.test"), 422))
    world.publish([ownership])
    again = await world.verify(domain)
    assert (again["verified"], again["status"], again["lost_since"]) == (True, "active", None)


async def test_the_upkeep_looks_at_what_is_due_and_pauses_grow(world: DomainWorld) -> None:
    first, second = await world.create("one.test"), await world.create("two.test")
    world.publish(first["dns"])
    database = world.door.deployment.database("ingest")
    publisher = Publisher(world.settings, "test")
    domains = Domains(world.entities, publisher)
    checks = Checks(domains, Resolvers(world.settings.domain_resolvers, 1), world.settings)
    upkeep = Upkeep(domains, checks, HeldTenure(Tenure(database, "domains", 60), 60))
    try:
        assert not await upkeep.turn()
        shown = [await world.data("GET", f"/{domain['uuid']}") for domain in (first, second)]
        assert [domain["status"] for domain in shown] == ["active", "pending"]
        asked = len(world.resolvers[0].asked)
        assert asked
        await upkeep.turn()
        assert len(world.resolvers[0].asked) == asked  # neither is due
        pauses = []
        for _ in range(3):
            past = datetime.now(UTC) - timedelta(hours=1)
            await database["domains"].update_one({"_id": second["uuid"]}, {"$set": {"check.next_at": past}})
            await upkeep.turn()
            seen = await world.data("GET", f"/{second['uuid']}")
            gap = datetime.fromisoformat(seen["next_check_at"]) - datetime.fromisoformat(seen["checked_at"])
            pauses.append(round(gap.total_seconds()))
        assert pauses == [240, 480, 960]
    finally:
        await publisher.close()


async def test_a_domain_belongs_to_the_workspace_that_verified_it(deployment: Deployment) -> None:
    async with domain_world(deployment, profile="production") as world:
        _, other_key = await make_workspace(world.door.workspaces, features=FEATURES)
        mine = await world.create("shop.test", dkim_selectors=["mine"])
        theirs = await world.data("POST", json={"name": "shop.test", "dkim_selectors": ["theirs"]}, key=other_key)
        # the owner publishes for both
        world.publish([*mine["dns"], *theirs["dns"]])
        tokens = [records(domain, "ownership")[0]["value"] for domain in (mine, theirs)]
        name = "_posthorn.shop.test"
        world.everywhere(name, Says([f'{name}. 60 TXT "{token}"' for token in tokens]))
        calls = [(f"/{mine['uuid']}/verification", world.key), (f"/{theirs['uuid']}/verification", other_key)]
        seen = await asyncio.gather(*(world.data("POST", path, key=key) for path, key in calls))
        assert sorted(domain["verified"] for domain in seen) == [False, True]
        [(lost, path, key)] = [(one, *call) for one, call in zip(seen, calls, strict=True) if not one["verified"]]
        assert "another workspace" in records(lost, "ownership")[0]["problem"]
        third = (await make_workspace(world.door.workspaces, features=FEATURES))[1]
        reply = await world.call("POST", key=third, json={"name": "shop.test"})
        assert reply.status_code == 422
        assert [(fault["pointer"], fault["code"]) for fault in reply.json()["errors"]] == [("#/name", "domain_taken")]
        # what the operator declares is taken, too
        with pytest.raises(NameTakenError):
            await world.door.workspaces.create_domain(world.workspace_id, DOMAIN, verified=True)
        # once it is given up, it is free
        [(won, winner)] = [(one, each) for one, (_, each) in zip(seen, calls, strict=True) if one["verified"]]
        assert (await world.call("DELETE", f"/{won['uuid']}", winner)).status_code == 204
        assert (await world.data("POST", path, key=key))["verified"]


async def test_the_local_stacks_own_name_server_shows_what_is_published_there(
    deployment: Deployment, tmp_path: Path
) -> None:
    names = LocalNames(tmp_path / FILE_NAME)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: LocalServer(names), local_addr=("127.0.0.1", 0)
    )
    try:
        address = "{}:{}".format(*transport.get_extra_info("sockname"))
        async with domain_world(deployment, domain_resolvers=[address]) as world:
            domain = await world.create("shop.example")
            assert not (await world.verify(domain))["verified"]
            for record in records(domain, "ownership", "dkim", "dmarc"):
                await asyncio.to_thread(publish_by_command, tmp_path, record["name"], record["value"])
            verified = await world.verify(domain)
            assert verified["verified"]
            assert all(record["is_valid"] for record in records(verified, "ownership", "dkim", "dmarc"))
    finally:
        transport.close()


def publish_by_command(home: Path, name: str, text: str) -> None:
    done = CliRunner().invoke(commands, ["publish", name, text], env={"POSTHORN_HOME": str(home)})
    assert done.exit_code == 0, done.output


async def test_the_relays_process_does_the_upkeep_one_at_a_time(world: DomainWorld) -> None:
    domain = await world.create()
    world.publish(domain["dns"])
    await world.door.deployment.prepare(topics=("stage.reports",))
    services = [create_app(world.settings, {"relay"}) for _ in range(2)]

    async def active() -> bool:
        return bool((await world.data("GET", f"/{domain['uuid']}"))["status"] == "active")

    async with services[0].run(), services[1].run():
        await eventually(active)
    asked = Counter((name, kind) for name, kind, _ in world.resolvers[0].asked)
    assert asked["shop.test", "MX"] == 1
    assert await world.door.deployment.database("ingest")["leases"].find_one({"_id": "domains"}) is None
