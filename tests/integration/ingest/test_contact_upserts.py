"""Contacts behind every door: written at once and at the same time, merged, and never beyond their size."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from services.ingest.contacts.changes import ContactChange
from services.ingest.contacts.contacts import AttributesFullError, Upserted
from services.ingest.store.contacts import ContactStore
from shared.contracts.entities import Kind
from tests.integration.ingest.conftest import Door, contacts_of
from tests.integration.ingest.contact_requests import ANN, ask, faults, kept, stored

pytestmark = pytest.mark.asyncio(loop_scope="module")


def change(address: str, **changes: Any) -> ContactChange:
    return ContactChange(address=address, new_subscribed=False, **changes)


async def test_several_contacts_are_created_or_changed_at_once(tenant: Door) -> None:
    contacts = contacts_of(tenant)
    known = (await ask(tenant, "POST", "", ANN)).json()["data"]
    nested = {"cart": {"items": [1, {"x": "$y"}]}, "a.b": "dotted", "$5": "price"}
    made = await contacts.upsert_many(
        tenant.workspace.id,
        [
            change("Ann@Example.test", attributes={"plan": "pro"}),
            change("new@example.test", attributes=nested),
            change("told@example.test", subscribed=True),
            change("NEW@example.test", attributes={"plan": "free"}, removed=["a.b"]),
        ],
    )
    new = {"cart": nested["cart"], "$5": "price", "plan": "free"}
    assert made == [
        Upserted(known["uuid"], "ann@example.test", {"first_name": "Ann", "plan": "pro"}, True),
        Upserted(made[1].id, "new@example.test", new, False),
        Upserted(made[2].id, "told@example.test", {}, True),
        made[1],
    ]
    assert (await ask(tenant, "GET", f"/{made[1].id}")).json()["data"]["attributes"] == {
        "email": "new@example.test",
        **new,
    }
    (again,) = await contacts.upsert_many(
        tenant.workspace.id, [change("new@example.test", removed=["cart", "$5", "none"], subscribed=True)]
    )
    assert (again.attributes, again.subscribed) == ({"plan": "free"}, True)
    assert await contacts.upsert_many(tenant.workspace.id, []) == []


async def test_an_upsert_that_changes_nothing_writes_nothing(tenant: Door) -> None:
    contacts = contacts_of(tenant)
    same = [change("ann@example.test", attributes={"plan": "pro"}, removed=["none"])]
    await contacts.upsert_many(tenant.workspace.id, same)
    before = await stored(tenant)
    await contacts.upsert_many(tenant.workspace.id, same)
    assert await stored(tenant) == before
    await contacts.upsert_many(tenant.workspace.id, [change("ann@example.test", attributes={"plan": "free"})])
    assert (await stored(tenant))[0]["updated_at"] > before[0]["updated_at"]


async def test_upserts_of_the_same_new_addresses_at_the_same_time_make_one_contact_each(tenant: Door) -> None:
    addresses = [f"r{number}@example.test" for number in range(10)]
    contacts = contacts_of(tenant)
    made = await asyncio.gather(
        *(
            contacts.upsert_many(
                tenant.workspace.id, [change(address, attributes={f"by{caller}": caller}) for address in addresses]
            )
            for caller in range(20)
        )
    )
    assert len({upserted.id for one in made for upserted in one}) == 10
    whole = {f"by{caller}": caller for caller in range(20)}
    assert [contact["attributes"] for contact in await stored(tenant)] == [whole] * 10
    for caller, one in enumerate(made):
        assert all(upserted.attributes[f"by{caller}"] == caller for upserted in one)


class Hindered(ContactStore):
    """A store whose contact is deleted by another request each time before it is read, so often."""

    times = 1

    async def known(self, wanted: Sequence[tuple[str, Collection[str]]]) -> list[dict[str, dict[str, Any]]]:
        if self.times:
            self.times -= 1
            for contact in (await super().known(wanted))[0].values():
                await self.delete(contact["workspace_id"], contact["_id"])
        return await super().known(wanted)


async def test_an_upsert_is_done_again_where_its_contact_is_deleted_meanwhile(tenant: Door) -> None:
    store = Hindered(tenant.deployment.database("ingest"))
    wanted = {f"r{number}@example.test": change(f"r{number}@example.test") for number in range(3)}
    assert list(await store.upsert(tenant.workspace.id, wanted)) == list(wanted)
    assert sorted(contact["address"] for contact in await stored(tenant)) == list(wanted)
    store.times = 100
    with pytest.raises(PyMongoError):
        await store.upsert(tenant.workspace.id, wanted)


async def test_attributes_do_not_grow_for_ever(tenant: Door) -> None:
    contacts = contacts_of(tenant)
    for number in range(6):
        await contacts.upsert_many(
            tenant.workspace.id, [change("ann@example.test", attributes={f"n{number}": "x" * 10_000})]
        )
    with pytest.raises(AttributesFullError) as full:
        await contacts.upsert_many(
            tenant.workspace.id,
            [change("ann@example.test", attributes={"n6": "x" * 10_000}, subscribed=True), change("b@example.test")],
        )
    assert full.value.addresses == ["ann@example.test"]
    found = await stored(tenant)
    assert [(len(contact["attributes"]), contact["subscribed"]) for contact in found] == [(6, True), (0, False)]
    for method, path in (("PATCH", "/ann@example.test"), ("POST", "/upsert")):
        body = {"attributes": {"email": "ann@example.test", "n6": "x" * 10_000}}
        assert faults(await ask(tenant, method, path, body)) == {"#/attributes": "too_large"}
    replaced = await ask(tenant, "PATCH", "/ann@example.test", {"attributes": {"n0": None, "n6": "x" * 10_000}})
    assert replaced.status_code == 200


async def test_the_contact_book_is_opened_once(tenant: Door) -> None:
    await asyncio.gather(
        *(contacts_of(tenant).upsert_many(tenant.workspace.id, [change(f"a{n}@b.test")]) for n in range(8))
    )
    book = await kept(tenant, Kind.CONTACT_BOOK, _id=tenant.workspace.id)
    assert [(one["_id"], one["version"]) for one in book] == [(tenant.workspace.id, 1)]
