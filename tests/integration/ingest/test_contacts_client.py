"""Leadpush's own client library against contacts, contact events and fields; only its base URL is ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from leadpush import AsyncLeadpush
from leadpush.errors import ForbiddenError, NotFoundError, UnauthorizedError, ValidationError

from shared.tokens import new_api_key, uuid7
from tests.integration.ingest.conftest import Door, make_workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

# each is one path segment to the library, percent-encoded
ODD = ["o/brien@example.test", "a+tag@example.test", "a/subscribe/x@example.test", "a%2Fb@example.test"]


@pytest_asyncio.fixture(loop_scope="module")
async def client(tenant: Door) -> AsyncLeadpush:
    return client_of(tenant, tenant.key)


def client_of(door: Door, key: str) -> AsyncLeadpush:
    return AsyncLeadpush(key, base_url="http://posthorn/v1", http_client=door.http)


async def test_a_contact_is_created_changed_and_found_by_id_and_address(client: AsyncLeadpush) -> None:
    created = await client.contacts.create(
        attributes={"email": "Ann@Example.test", "first_name": "Ann", "age": 41, "score": 1.5, "vip": True}
    )
    assert created.attributes == {
        "email": "Ann@example.test", "first_name": "Ann", "age": 41, "score": 1.5, "vip": True,
    }  # fmt: skip
    assert (created.subscribed, created.provider) == (True, None)
    assert datetime.now(UTC) - created.created_at < timedelta(minutes=1)
    assert created.updated_at == created.created_at
    for identifier in (created.uuid, created.uuid.upper(), "ann@EXAMPLE.test", "Ann@example.test"):
        assert (await client.contacts.get(identifier)).to_dict() == created.to_dict()

    changed = await client.contacts.update("ann@example.test", attributes={"age": 42, "vip": None}, subscribed=False)
    assert changed.attributes == {"email": "Ann@example.test", "first_name": "Ann", "age": 42, "score": 1.5}
    assert (changed.uuid, changed.subscribed, changed.created_at) == (created.uuid, False, created.created_at)
    assert changed.updated_at > created.updated_at
    assert (await client.contacts.update(created.uuid)).to_dict() == changed.to_dict()


async def test_an_attached_contact_works_as_the_library_has_it(client: AsyncLeadpush) -> None:
    contact = await client.contacts.create(attributes={"email": "ann@example.test"}, subscribed=False)
    assert contact.subscribed is False
    contact.set_attribute("first_name", "Ann")
    contact.subscribed = True
    await contact.update()
    assert (contact.attributes["first_name"], contact.subscribed) == ("Ann", True)
    await contact.unsubscribe()
    await contact.unsubscribe()
    assert (await client.contacts.get(contact.uuid)).subscribed is False
    await contact.subscribe()
    assert (await client.contacts.subscribe("ann@example.test")).subscribed is True
    assert (await client.contacts.unsubscribe("ann@example.test")).subscribed is False
    await contact.events.create(event_name="signed_up")
    assert [event.event_name for event in (await contact.events.list()).data] == ["signed_up"]


async def test_contacts_are_paged(client: AsyncLeadpush) -> None:
    empty = await client.contacts.list()
    assert (empty.data, empty.meta.to_dict()) == (
        [], {"current_page": 1, "per_page": 10, "total": 0, "last_page": 1, "has_next": False},
    )  # fmt: skip
    addresses = [f"c{number}@example.test" for number in range(5)]
    for address in addresses:
        await client.contacts.create(attributes={"email": address})
    page = await client.contacts.list(page=2, per_page=2)
    assert [contact.attributes["email"] for contact in page.data] == addresses[2:4]
    assert page.meta.to_dict() == {"current_page": 2, "per_page": 2, "total": 5, "last_page": 3, "has_next": True}
    pages = [page async for page in client.contacts.cursor(per_page=2)]
    assert [len(page.data) for page in pages] == [2, 2, 1]
    assert [one.attributes["email"] async for one in client.contacts.list_all(per_page=2)] == addresses
    assert [one.attributes["email"] async for one in client.contacts.list_all(page=2, per_page=3)] == addresses[3:]
    assert (await client.contacts.list(page=9)).data == []


async def test_addresses_with_slashes_and_percent_signs_are_identifiers(client: AsyncLeadpush) -> None:
    for address in ODD:
        created = await client.contacts.create(attributes={"email": address})
        assert (await client.contacts.get(address)).uuid == created.uuid
        assert (await client.contacts.update(address, attributes={"n": 1})).uuid == created.uuid
        assert (await client.contacts.subscribe(address)).uuid == created.uuid
        assert (await client.contacts.unsubscribe(address)).uuid == created.uuid
        events = client.contacts.events(address)
        await events.create(event_name="opened")
        assert len((await events.list()).data) == 1
        await client.delete(["contacts", address])
        with pytest.raises(NotFoundError):
            await client.contacts.get(address)


async def test_addresses_outside_ascii_are_identifiers(tenant: Door) -> None:
    _, key = await make_workspace(tenant.workspaces, smtputf8=True)
    client = client_of(tenant, key)
    created = await client.contacts.create(attributes={"email": "jürgen@Bücher.test"})
    assert created.attributes["email"] == "jürgen@xn--bcher-kva.test"
    for identifier in ("JÜRGEN@bücher.test", "jürgen@xn--bcher-kva.test"):
        assert (await client.contacts.get(identifier)).uuid == created.uuid
    with pytest.raises(ValidationError):
        await client_of(tenant, tenant.key).contacts.create(attributes={"email": "jürgen@bücher.test"})


async def test_events_are_recorded_listed_and_searched(client: AsyncLeadpush) -> None:
    contact = await client.contacts.create(attributes={"email": "ann@example.test"})
    events = client.contacts.events("ann@example.test")
    attributes = {"plan": "enterprise", "items": [{"$ref": "a.b", "n": 2**53}], "ü": None}
    await events.create(event_name="Purchase.made", attributes=attributes)
    await events.create(event_name="opened")
    await client.post(["contacts", contact.uuid, "events"], data={"event_name": "refund", "attributes": {"sum": 3}})
    listed = await events.list()
    assert [event.event_name for event in listed.data] == ["Purchase.made", "opened", "refund"]
    assert [event.attributes for event in listed.data] == [attributes, {}, {"sum": 3}]
    assert listed.meta.total == 3
    assert datetime.now(UTC) - listed.data[0].created_at < timedelta(minutes=1)
    assert [event.event_name async for event in events.list_all(per_page=1, search="PURCHASE")] == ["Purchase.made"]
    assert [event.event_name for event in (await events.list(search="e.m")).data] == ["Purchase.made"]
    assert [len(page.data) async for page in events.cursor(per_page=2)] == [2, 1]


async def test_fields_are_declared_changed_listed_and_deleted(client: AsyncLeadpush) -> None:
    url = await client.fields.create(name="company_url", type="text", format={"text": "url"})
    assert (url.name, url.type, url.format.to_dict()) == (
        "company_url", "text", {"text": "url", "pattern": None, "iso_format": None},
    )  # fmt: skip
    assert datetime.now(UTC) - url.created_at < timedelta(minutes=1)
    age = await client.fields.create(name="age", type="integer")
    assert age.format is None
    assert (await client.fields.get(url.uuid)).to_dict() == url.to_dict()
    born = await client.fields.create(name="born", type="date", format={"iso_format": "DD.MM.YYYY"})

    assert [field.name for field in (await client.fields.list()).data] == ["company_url", "age", "born"]
    chosen = await client.fields.list(filters=[{"id": "type", "value": ["text", "date"]}])
    assert [field.name for field in chosen.data] == ["company_url", "born"]
    assert [field.name for field in (await client.fields.list(search="GE")).data] == ["age"]
    assert [field.name async for field in client.fields.list_all(per_page=1)] == ["company_url", "age", "born"]
    assert [len(page.data) async for page in client.fields.cursor(per_page=2)] == [2, 1]

    changed = await client.fields.update(born.uuid, name="birthday", format=None)
    assert (changed.name, changed.type, changed.format, changed.uuid) == ("birthday", "date", None, born.uuid)
    assert (await client.fields.get(born.uuid)).to_dict() == changed.to_dict()
    await client.delete(["fields", born.uuid])
    with pytest.raises(NotFoundError):
        await client.fields.get(born.uuid)
    assert [field.name for field in (await client.fields.list()).data] == ["company_url", "age"]


async def test_the_library_raises_its_errors(client: AsyncLeadpush, tenant: Door) -> None:
    for key in (new_api_key(), "none"):
        with pytest.raises(UnauthorizedError):
            await client_of(tenant, key).contacts.list()
    poor = await tenant.workspaces.create_api_key(tenant.workspace.id, "poor", ["email.send"])
    for call in (client_of(tenant, poor.secret or "").contacts, client_of(tenant, poor.secret or "").fields):
        with pytest.raises(ForbiddenError):
            await call.list()
    for identifier in (uuid7(), "nobody@example.test", "nonsense", "a b", "%"):
        with pytest.raises(NotFoundError):
            await client.contacts.get(identifier)
        with pytest.raises(NotFoundError):
            await client.contacts.subscribe(identifier)
        with pytest.raises(NotFoundError):
            await client.contacts.events(identifier).create(event_name="x")
    await client.contacts.create(attributes={"email": "ann@example.test"})
    with pytest.raises(ValidationError) as refused:
        await client.contacts.create(attributes={"email": "ANN@example.test"})
    assert refused.value.response["errors"][0]["pointer"] == "#/attributes/email"
    with pytest.raises(ValidationError):
        await client.fields.create(name="email", type="text")
    with pytest.raises(NotFoundError):
        await client.fields.get(uuid7())
