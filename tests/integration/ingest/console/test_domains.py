"""The pages of sending domains, against real name servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.fixtures.console import VisitingClient, notice, words
from tests.fixtures.deployment import Deployment
from tests.fixtures.dns_server import Says
from tests.integration.ingest.conftest import Door, make_workspace
from tests.integration.ingest.console.visiting import (
    HOSTILE,
    assert_buttons_guarded,
    assert_pages_guarded,
    stranger,
    visitor,
)
from tests.integration.ingest.domain_world import (
    ADDRESS,
    DomainWorld,
    domain_world,
    records,
    send_from,
    verified_domain,
)

PAGE = "/console/domains"
SHOP = f"{PAGE}/shop.test"


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[DomainWorld]:
    # over plain HTTP, as the visitors' cookies are
    async with domain_world(deployment, public_url="http://mail.posthorn.test") as opened:
        yield opened


def door_of(world: DomainWorld) -> Door:
    return replace(world.door, key=world.key)


async def owner(world: DomainWorld) -> VisitingClient:
    return await visitor(door_of(world))


async def test_a_domain_is_added_with_what_it_needs(world: DomainWorld) -> None:
    client = await owner(world)
    reply = await client.send(
        PAGE, name="Shop.test", tracking_subdomain="go", tracking_mode="", dkim_selectors="a1, a2", dkim_ed25519="yes"
    )
    assert (reply.status_code, reply.headers["location"]) == (303, SHOP)
    domain = await world.data("GET", "/shop.test")
    assert (domain["tracking_subdomain"], domain["tracking_mode"], domain["dkim_ed25519"]) == ("go", "direct", True)
    assert [key["selector"] for key in domain["dkim"]][:2] == ["a1", "a2"]
    page = await client.get(SHOP)
    for record in domain["dns"]:
        assert record["name"] in page.text
        assert f'data-copy="{record["value"]}"' in page.text
    assert "Publish the 2 required records" in words(page)
    assert "not looked up yet" in words(page)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "may not be empty"),
        ("name", "no domain", "This"),
        ("tracking_subdomain", "bounce", "return path"),
        ("tracking_mode", "sideways", "direct"),
        ("dkim_selectors", "a,a", "twice"),
        ("dkim_selectors", "a,b,c,d,e", "at most 4"),
    ],
)
async def test_what_is_wrong_stands_at_its_field_and_nothing_is_added(
    world: DomainWorld, field: str, value: str, said: str
) -> None:
    form = {"name": "shop.test", "tracking_subdomain": "go", field: value}
    reply = await (await owner(world)).send(PAGE, **form)
    assert reply.status_code == 422
    assert said in reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]
    assert (await world.call("GET")).json()["data"] == []


async def test_a_workspace_with_as_many_domains_as_it_may_have_is_told(world: DomainWorld) -> None:
    workspace, key = await make_workspace(world.door.workspaces, features=["domains.enabled"], max_domains=0)
    client = await visitor(replace(world.door, workspace=workspace, key=key))
    reply = await client.send(PAGE, name="shop.test")
    assert reply.status_code == 403
    assert "may have 0 domains" in words(reply)


async def test_a_check_tells_what_the_dns_shows_of_each_record(world: DomainWorld) -> None:
    domain = await world.create("shop.test", tracking_subdomain="go")
    world.publish(records(domain, "ownership", "dkim"))
    wrong = records(domain, "tracking")[0]["name"]
    world.everywhere(wrong, Says([f"{wrong}. 60 CNAME elsewhere.test."]))
    client = await owner(world)
    reply = await client.send(f"{SHOP}/check")
    assert (reply.status_code, reply.headers["location"]) == (303, SHOP)
    assert "2 of 5 records" in str(notice(reply, client))
    said = words(await client.get(SHOP))
    assert "Verified: it may send" in said
    assert "Still worth publishing: Return path, DMARC, Tracking" in said
    assert "Tracking wrong" in said
    assert "Found instead elsewhere.test" in said
    assert "The record leads elsewhere." in said
    assert "DMARC missing" in said
    listed = words(await client.get(PAGE))
    assert "active shop.test 2 of 5 none" in listed


async def test_missing_required_records_are_named(world: DomainWorld) -> None:
    await world.create("shop.test")
    client = await owner(world)
    reply = await client.send(f"{SHOP}/check")
    assert "Required and not there: Ownership, DKIM key ph1" in str(notice(reply, client))
    assert "pending shop.test 0 of 4 Ownership DKIM key ph1" in words(await client.get(PAGE))


async def test_keys_of_both_algorithms_are_rotated(world: DomainWorld) -> None:
    await verified_domain(world, dkim_ed25519=True)
    client = await owner(world)
    reply = await client.send(f"{SHOP}/rotation")
    assert reply.status_code == 303
    domain = await world.data("GET", "/shop.test")
    assert domain["rotating"]
    waiting = [key["algorithm"] for key in domain["dkim"] if key["state"] == "pending"]
    assert sorted(waiting) == ["ed25519-sha256", "rsa-sha256"]
    said = words(await client.get(SHOP))
    assert "A rotation is under way" in said
    assert "new DKIM keys wait" in said


async def test_the_second_key_is_asked_for_and_given_up(world: DomainWorld) -> None:
    await verified_domain(world)
    client = await owner(world)
    for wanted in ("yes", "no"):
        assert (await client.send(f"{SHOP}/ed25519", wanted=wanted)).status_code == 303
        domain = await world.data("GET", "/shop.test")
        assert domain["dkim_ed25519"] is (wanted == "yes")


async def test_addresses_are_added_and_deleted(world: DomainWorld) -> None:
    await verified_domain(world)
    client = await owner(world)
    reply = await client.send(f"{SHOP}/addresses", **ADDRESS)
    assert (reply.status_code, reply.headers["location"]) == (303, f"{SHOP}#addresses")
    said = words(await client.get(SHOP))
    assert "receipts@shop.test" in said
    assert "help@acme.test" in said
    (address,) = (await world.call("GET", "/shop.test/addresses")).json()["data"]
    assert (await client.send(f"{SHOP}/addresses/{address['uuid']}/deletion")).status_code == 303
    assert (await world.call("GET", "/shop.test/addresses")).json()["data"] == []
    assert (await client.send(f"{SHOP}/addresses/{address['uuid']}/deletion")).status_code == 404


async def test_an_address_that_is_wrong_is_told_at_its_fields(world: DomainWorld) -> None:
    await world.create("shop.test")
    wrong = {**ADDRESS, "address": "a@b", "reply_to": "nobody", "company_city": "", "display_name": HOSTILE}
    reply = await (await owner(world)).send(f"{SHOP}/addresses", **wrong)
    assert reply.status_code == 422
    for field in ("address", "reply_to", "company_city"):
        assert reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]
    assert 'aria-invalid="true"' not in reply.text.partition('id="display_name"')[2].partition(">")[0]
    assert "<script>alert" not in reply.text
    assert (await world.call("GET", "/shop.test/addresses")).json()["data"] == []


async def test_a_deleted_domain_sends_no_more(world: DomainWorld) -> None:
    await verified_domain(world)
    reply = await (await owner(world)).send(f"{SHOP}/deletion")
    assert (reply.status_code, reply.headers["location"]) == (303, PAGE)
    assert (await world.call("GET", "/shop.test")).status_code == 404
    assert await send_from(world, "a@shop.test") == 422


async def test_the_list_is_searched_and_has_pages(world: DomainWorld) -> None:
    for place in range(27):
        await world.create(f"shop{place:02}.test")
    client = await owner(world)
    first = words(await client.get(PAGE))
    assert ("shop00.test" in first, "shop26.test" in first, "Next" in first) == (True, False, True)
    assert "shop26.test" in words(await client.get(PAGE, page="2"))
    found = words(await client.get(PAGE, q="OP26"))
    assert ("shop26.test" in found, "shop00.test" in found) == (True, False)
    assert "Nothing found" in words(await client.get(PAGE, q=HOSTILE))
    assert (await client.get(PAGE, page="none")).status_code == 422


async def test_only_whom_they_belong_to_sees_and_changes_domains(world: DomainWorld) -> None:
    await world.create("shop.test")
    door = door_of(world)
    await assert_pages_guarded(door, "domains", PAGE, f"{PAGE}/new", SHOP, f"{SHOP}/addresses/new")
    buttons = [f"{SHOP}/{what}" for what in ("check", "rotation", "ed25519", "deletion", "addresses")]
    await assert_buttons_guarded(door, PAGE, *buttons, f"{SHOP}/addresses/x/deletion")
    other = await stranger(door)
    assert (await other.get(SHOP)).status_code == 404
    for url in buttons:
        assert (await other.send(url, **ADDRESS)).status_code == 404
    workspace, key = await make_workspace(world.door.workspaces)
    without = await visitor(replace(world.door, workspace=workspace, key=key))
    assert "no access to domains" in words(await without.get(PAGE))
