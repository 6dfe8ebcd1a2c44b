"""The client library `leadpush`, unchanged: every call that it has for domains and their addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from leadpush import ForbiddenError, NotFoundError, UnauthorizedError, ValidationError

from tests.fixtures.deployment import Deployment
from tests.integration.ingest.conftest import make_workspace
from tests.integration.ingest.domain_world import ADDRESS, DomainWorld, domain_world


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[DomainWorld]:
    async with domain_world(deployment) as opened:
        yield opened


async def test_a_domain_from_its_making_to_its_end(world: DomainWorld) -> None:
    client = world.client()
    domain = await client.domains.create(
        name="shop.test", dkim_selectors=["mine"], tracking_subdomain="go", tracking_mode="cloudflare"
    )
    assert (domain.name, domain.domain, domain.provider) == ("shop.test", "shop.test", "leadpush")
    assert (domain.status, domain.verification, domain.verified) == ("pending", "pending", False)
    assert (domain.mail_from_domain, domain.mail_from_verified) == ("bounce.shop.test", False)
    assert [record.is_valid for record in domain.dns] == [False] * 5
    assert {record.type for record in domain.dns} == {"TXT", "CNAME"}
    assert "mine._domainkey.shop.test" in [record.name for record in domain.dns]
    assert all(record.value for record in domain.dns)
    assert timedelta(0) <= datetime.now(UTC) - domain.created_at < timedelta(minutes=1)
    world.publish({"type": record.type, "name": record.name, "value": record.value} for record in domain.dns)
    verified = await client.domains.verify(domain.uuid)
    assert (verified.verified, verified.verification, verified.mail_from_verified) == (True, "completed", True)
    assert all(record.is_valid for record in verified.dns)
    assert verified.updated_at >= verified.created_at
    await domain.verify()
    assert domain.verified
    assert (await client.domains.get(domain.uuid)).to_dict() == domain.to_dict()
    await domain.delete()
    with pytest.raises(NotFoundError):
        await client.domains.get(domain.uuid)
    other = await client.domains.create(name="other.test", dkim_selectors=None, tracking_subdomain=None)
    await client.domains.delete(other.uuid)
    assert (await client.domains.list()).data == []


async def test_addresses_from_their_making_to_their_end(world: DomainWorld) -> None:
    client = world.client()
    domain = await client.domains.create(name="shop.test")
    made = await domain.addresses.create(**ADDRESS, company_address_2="Floor 2")
    assert (made.domain_uuid, made.address, made.full_address) == (domain.uuid, "receipts", "receipts@shop.test")
    assert (made.provider, made.display_name, made.verification) == ("leadpush", "Acme Receipts", "pending")
    assert made.updated_at >= made.created_at
    addresses = client.domains.addresses(domain.uuid)
    assert (await addresses.get(made.uuid)).to_dict() == made.to_dict()
    for number in range(4):
        await addresses.create(**{**ADDRESS, "address": f"n{number}"}, company_address_2=None)
    page = await addresses.list(page=2, per_page=2)
    assert ([one.address for one in page.data], page.meta.total, page.meta.last_page) == (["n1", "n2"], 5, 3)
    assert [len(page.data) async for page in addresses.cursor(per_page=2)] == [2, 2, 1]
    assert [one.address async for one in addresses.list_all(per_page=2)] == ["receipts", "n0", "n1", "n2", "n3"]
    await made.delete()
    await addresses.delete((await addresses.list()).data[0].uuid)
    assert [one.address async for one in addresses.list_all()] == ["n1", "n2", "n3"]
    with pytest.raises(ValidationError):
        await addresses.create(**{**ADDRESS, "address": "a@shop.test"})
    with pytest.raises(NotFoundError):
        await addresses.get(made.uuid)
    with pytest.raises(NotFoundError):
        await client.domains.addresses("01a1ff97-7554-7e34-b3c7-b2a1852d9b9d").create(**ADDRESS)


async def test_lists_are_paged_and_searched(world: DomainWorld) -> None:
    client = world.client()
    for name in ("one.test", "two.example", "three.test", "a-one.test", "five.test"):
        await client.domains.create(name=name)
    first = await client.domains.list(per_page=2)
    assert [domain.name for domain in first.data] == ["one.test", "two.example"]
    assert first.meta.to_dict() == {"current_page": 1, "per_page": 2, "total": 5, "last_page": 3, "has_next": True}
    assert [len(page.data) async for page in client.domains.cursor(per_page=2)] == [2, 2, 1]
    assert [domain.name async for domain in client.domains.list_all(page=2, per_page=2)] == [
        "three.test", "a-one.test", "five.test",
    ]  # fmt: skip
    assert [domain.name async for domain in client.domains.list_all(search="ONE", per_page=1)] == [
        "one.test", "a-one.test",
    ]  # fmt: skip
    assert (await client.domains.list(search=".*")).data == []
    past = await client.domains.list(page=9)
    assert (past.data, past.meta.has_next) == ([], False)


async def test_errors_are_those_that_the_library_knows(world: DomainWorld) -> None:
    _, featureless = await make_workspace(world.door.workspaces)
    with pytest.raises(ForbiddenError) as forbidden:
        await world.client(featureless).domains.create(name="shop.test")
    assert (forbidden.value.response["error"], forbidden.value.response["feature"]) == (
        "upgrade_needed", "domains.enabled",
    )  # fmt: skip
    with pytest.raises(UnauthorizedError):
        await world.client("ph_live_nobody").domains.list()
    client = world.client()
    with pytest.raises(ValidationError) as invalid:
        await client.domains.create(name="shop.test", dkim_selectors=["elevenchars"], tracking_mode="direct")
    assert invalid.value.response["errors"][0]["pointer"] == "#/dkim_selectors/0"
    with pytest.raises(ValidationError):
        await client.domains.list(per_page=101)
