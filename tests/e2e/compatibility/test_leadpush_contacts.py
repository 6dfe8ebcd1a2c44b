"""Leadpush's contacts, contact events, fields and suppressions, their pages, filters and request headers."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx
import pytest
from leadpush import AsyncLeadpush, NotFoundError, ValidationError
from leadpush.errors import UnsupportedEndpointError

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.leadpush_client import leadpush, new_workspace

FIELDS: dict[str, tuple[Any, Any]] = {
    "integer": (41, "41"),
    "text": ("Ann", 41),
    "date": ("2026-01-31", "31 January"),
    "datetime": ("2026-01-31T12:30:00Z", "noon"),
    "boolean": (True, "true"),
}


async def test_suppressions_are_listed_searched_filtered_got_and_created(account: Account) -> None:
    _, key = await new_workspace(account)
    async with leadpush(account, key) as client:
        made = {
            type_: await client.suppressions.create(email=fresh(type_), type=type_) for type_ in ("bounce", "complaint")
        }
        made["manual"] = await client.suppressions.create(email=fresh("manual"))
        for type_, entry in made.items():
            assert entry.type == type_
            assert (await client.suppressions.get(entry.uuid)).to_dict() == entry.to_dict()
            chosen = await client.suppressions.list(filters=[{"id": "type", "value": [type_]}])  # type: ignore[list-item]
            assert [one.uuid for one in chosen.data] == [entry.uuid]
            found = await client.suppressions.list(search=entry.email.partition("@")[0])
            assert [one.uuid for one in found.data] == [entry.uuid]
        listed = [one.uuid async for one in client.suppressions.list_all(per_page=2)]
        assert listed == [one.uuid for one in reversed(made.values())]
        with pytest.raises(ValidationError):
            await client.suppressions.create(email="nobody")
        with pytest.raises(UnsupportedEndpointError):
            await client.suppressions.update(listed[0])


async def test_a_contact_is_one_path_segment_by_uuid_or_address(account: Account) -> None:
    address = f"a/b+{secrets.token_hex(4)}%2F@sink.test"
    async with leadpush(account) as client:
        contact = await client.contacts.create(attributes={"email": address, "first_name": "Ann"}, subscribed=False)
        for identifier in (contact.uuid, address, address.upper()):
            assert (await client.contacts.get(identifier)).to_dict() == contact.to_dict()
        assert (await client.contacts.update(address, attributes={"first_name": "Anna"})).attributes == {
            "email": address, "first_name": "Anna",
        }  # fmt: skip
        assert (await client.contacts.subscribe(address)).subscribed is True
        assert (await client.contacts.unsubscribe(contact.uuid)).subscribed is False
        with pytest.raises(NotFoundError):
            await client.contacts.get(fresh("nobody"))


async def test_a_contact_event_s_attributes_come_as_a_json_string(account: Account) -> None:
    requests: list[httpx.Request] = []

    async def note(request: httpx.Request) -> None:
        requests.append(request)

    attributes = {"plan": "enterprise", "items": [{"n": 1}], "ü": None}
    async with httpx.AsyncClient(event_hooks={"request": [note]}) as http:
        client = AsyncLeadpush(account.home["api_key"], base_url=f"{account.home['base_url']}/v1", http_client=http)
        contact = await client.contacts.create(attributes={"email": fresh("o/brien")})
        await client.contacts.events(contact.attributes["email"]).create(event_name="purchase", attributes=attributes)
        assert json.loads(json.loads(requests[-1].content)["attributes"]) == attributes
        await contact.events.create(event_name="opened")
        assert [(one.event_name, one.attributes) for one in (await contact.events.list()).data] == [
            ("purchase", attributes), ("opened", {}),
        ]  # fmt: skip
        assert [one.event_name async for one in contact.events.list_all(search="PURCH", per_page=1)] == ["purchase"]


async def test_fields_have_the_five_types_and_contacts_keep_to_them(account: Account) -> None:
    _, key = await new_workspace(account)
    async with leadpush(account, key) as client:
        for type_ in FIELDS:
            field = await client.fields.create(name=f"a_{type_}", type=type_)  # type: ignore[arg-type]
            assert (await client.fields.get(field.uuid)).type == type_
        good = {f"a_{type_}": value for type_, (value, _) in FIELDS.items()}
        contact = await client.contacts.create(attributes={"email": fresh("ok"), **good})
        assert good.items() <= contact.attributes.items()
        bad = {f"a_{type_}": value for type_, (_, value) in FIELDS.items()}
        with pytest.raises(ValidationError) as refused:
            await client.contacts.update(contact.uuid, attributes=bad)
        pointers = {fault["pointer"] for fault in refused.value.response["errors"]}
        assert pointers == {f"#/attributes/{name}" for name in bad}
        changed = await client.fields.update(field.uuid, name="renamed")
        assert (changed.uuid, changed.name, changed.type) == (field.uuid, "renamed", "boolean")
        with pytest.raises(ValidationError):
            await client.fields.create(name="other", type="float")  # type: ignore[arg-type]


async def test_lists_have_pages_with_a_meta_and_filters_as_a_json_array(account: Account) -> None:
    _, key = await new_workspace(account, features=["domains.enabled"])
    headers = {"Authorization": f"Bearer {key}"}
    async with leadpush(account, key) as client:
        for number in range(3):
            await client.fields.create(name=f"f{number}", type=("text", "integer", "date")[number])  # type: ignore[arg-type]
            await client.contacts.create(attributes={"email": fresh("ok")})
            await client.suppressions.create(email=fresh("ok"))
            await client.domains.create(name=f"d{secrets.token_hex(4)}.example")
        for resource in (client.fields, client.contacts, client.suppressions, client.domains):
            pages = [page async for page in resource.cursor(per_page=2)]  # type: ignore[attr-defined]
            assert [len(page.data) for page in pages] == [2, 1]
            shown = {"per_page": 2, "total": 3, "last_page": 2}
            assert [page.meta.to_dict() for page in pages] == [
                {"current_page": 1, "has_next": True, **shown}, {"current_page": 2, "has_next": False, **shown},
            ]  # fmt: skip
        chosen = await client.fields.list(filters=[{"id": "type", "value": ["text", "date"]}], per_page=1, page=2)
        assert ([field.name for field in chosen.data], chosen.meta.total) == (["f2"], 2)
    refused = await account.http.get("/v1/fields", params={"filters": '{"type": "text"}'}, headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/filters")


async def test_the_library_s_own_request_headers_are_taken(account: Account) -> None:
    sent: list[httpx.Headers] = []

    async def note(request: httpx.Request) -> None:
        sent.append(request.headers)

    async with httpx.AsyncClient(event_hooks={"request": [note]}) as http:
        client = AsyncLeadpush(account.home["api_key"], base_url=f"{account.home['base_url']}/v1", http_client=http)
        to = fresh("ok")
        send = await client.emails.send(from_address=account.sender, subject="Code", text="1", to=[to])
        await client.suppressions.list(per_page=1)
    for headers in sent:
        assert {"x-leadpush-api-version", "x-leadpush-sdk", "x-leadpush-sdk-version"} <= headers.keys()
    await account.reaches(send.messages[0].uuid, "delivered")
    (kept,) = await account.mail(to)
    assert "x-leadpush" not in kept["raw"].lower()
