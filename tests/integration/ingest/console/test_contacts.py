"""The pages of contacts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.console import notice, words
from tests.integration.ingest.conftest import SENDER, Door
from tests.integration.ingest.console.visiting import (
    ESCAPED,
    HOSTILE,
    assert_buttons_guarded,
    assert_pages_guarded,
    stranger,
    visitor,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = "/console/contacts"


async def contact(door: Door, email: str = "ann@example.test", **attributes: Any) -> dict[str, Any]:
    reply = await door.post({"attributes": {"email": email, **attributes}}, "/v1/contacts/upsert")
    assert reply.status_code == 200, reply.text
    return dict(reply.json()["data"])


async def read(door: Door, id_: str) -> dict[str, Any]:
    return dict((await door.get(f"/v1/contacts/{id_}")).json()["data"])


async def fields_of(door: Door, one: dict[str, Any], **changes: str) -> dict[str, str]:
    """The contact's form as it is filled in, changed."""
    texts = {f"attribute.{name}": _text(value) for name, value in one["attributes"].items() if name != "email"}
    return {"email": one["attributes"]["email"], "delivery_route": one["delivery_route"] or "", **texts, **changes}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def test_contacts_are_found_by_a_part_of_the_address_and_by_subscription(tenant: Door) -> None:
    ann, bob = await contact(tenant, first_name="Ann"), await contact(tenant, "bob@example.test")
    await tenant.post(None, f"/v1/contacts/{bob['uuid']}/unsubscribe")
    client = await visitor(tenant)
    said = words(await client.get(PAGE))
    assert "ann@example.test subscribed first_name: Ann" in said
    assert "bob@example.test unsubscribed" in said
    assert "bob@" not in words(await client.get(PAGE, q="NN@EX"))
    assert "ann@" not in words(await client.get(PAGE, subscribed="false"))
    nothing = await client.get(PAGE, q="carl@example.test")
    assert "/console/contacts/new?email=carl%40example.test" in nothing.text
    assert ann["uuid"] in (await client.get(PAGE)).text


async def test_the_list_has_pages(tenant: Door) -> None:
    for place in range(51):
        await contact(tenant, f"person{place:02}@example.test")
    client = await visitor(tenant)
    first, second = words(await client.get(PAGE)), words(await client.get(PAGE, page="2"))
    assert ("person49@" in first, "person50@" in first) == (True, False)
    assert ("person49@" in second, "person50@" in second) == (False, True)
    assert (await client.get(PAGE, page="0")).status_code == 422


async def test_a_contact_is_added_with_its_fields(tenant: Door) -> None:
    await tenant.post({"name": "age", "type": "integer"}, "/v1/fields")
    await tenant.post({"name": "vip", "type": "boolean"}, "/v1/fields")
    client = await visitor(tenant)
    form = {"email": "ann@example.test", "attribute.age": "33", "attribute.vip": "true", "subscribed": "yes"}
    reply = await client.send(PAGE, **form, new_name="plan", new_value="pro", new_kind="text")
    assert reply.status_code == 303
    made = await read(tenant, reply.headers["location"].rpartition("/")[2])
    assert made["attributes"] == {"email": "ann@example.test", "age": 33, "vip": True, "plan": "pro"}
    assert made["subscribed"] is True
    reply = await client.send(PAGE, email="bob@example.test")
    assert (await read(tenant, reply.headers["location"].rpartition("/")[2]))["subscribed"] is False


async def test_what_is_wrong_stands_at_its_field_and_nothing_is_added(tenant: Door) -> None:
    await tenant.post({"name": "age", "type": "integer"}, "/v1/fields")
    client = await visitor(tenant)
    form = {"email": "nobody", "attribute.age": "old", "new_name": "$set", "new_value": "1", "new_kind": "number"}
    reply = await client.send(PAGE, **form)
    assert reply.status_code == 422
    for field in ("email", "attribute.age", "new_name"):
        assert reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0], field
    assert 'value="old"' in reply.text
    assert (await tenant.get("/v1/contacts")).json()["data"] == []
    await contact(tenant)
    taken = await client.send(PAGE, email="ANN@example.test")
    assert (taken.status_code, "has this address" in words(taken)) == (422, True)


async def test_a_change_touches_what_was_changed_alone(tenant: Door) -> None:
    one = await contact(tenant, first_name="Ann", age=33, vip=True, **{"last name": "O'Neil", "ratio": 1.5})
    client, url = await visitor(tenant), f"{PAGE}/{one['uuid']}"
    page = (await client.get(url)).text
    assert 'name="attribute.last%20name"' in page
    fields = {name.replace(" ", "%20"): value for name, value in (await fields_of(tenant, one)).items()}
    await contact(tenant, plan="pro")  # meanwhile, by another door
    reply = await client.send(url, **{**fields, "attribute.age": "34", "attribute.vip": "", "new_name": "n"})
    assert (reply.status_code, notice(reply, client)) == (303, "Saved.")
    now = await read(tenant, one["uuid"])
    assert now["attributes"] == {
        "email": "ann@example.test", "first_name": "Ann", "age": 34, "last name": "O'Neil", "ratio": 1.5, "plan": "pro",
    }  # fmt: skip


async def test_a_change_that_is_wrong_changes_nothing(tenant: Door) -> None:
    one = await contact(tenant, first_name="Ann")
    await contact(tenant, "bob@example.test")
    client, url = await visitor(tenant), f"{PAGE}/{one['uuid']}"
    for wrong, field in (({"email": "bob@example.test"}, "email"), ({"delivery_route": "x"}, "delivery_route")):
        reply = await client.send(url, **await fields_of(tenant, one, **wrong))
        assert reply.status_code == 422
        assert reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]
    assert (await read(tenant, one["uuid"]))["attributes"] == one["attributes"]


async def test_its_mail_may_go_out_from_another_sender(tenant: Door) -> None:
    one = await contact(tenant)
    client, url = await visitor(tenant), f"{PAGE}/{one['uuid']}"
    page = (await client.get(url)).text
    sender_id = page.partition(f'">{SENDER}</option>')[0].rpartition('value="')[2]
    await client.send(url, **await fields_of(tenant, one, delivery_route=sender_id))
    assert (await read(tenant, one["uuid"]))["delivery_route"] == sender_id
    await client.send(url, **await fields_of(tenant, one, delivery_route=""))
    assert (await read(tenant, one["uuid"]))["delivery_route"] is None


async def test_a_contact_is_unsubscribed_and_subscribed(tenant: Door) -> None:
    one = await contact(tenant)
    client, url = await visitor(tenant), f"{PAGE}/{one['uuid']}"
    for wanted in ("no", "yes"):
        assert (await client.send(f"{url}/subscription", wanted=wanted)).headers["location"] == url
        assert (await read(tenant, one["uuid"]))["subscribed"] is (wanted == "yes")


async def test_its_events_are_told_and_go_with_it(tenant: Door) -> None:
    one = await contact(tenant)
    event = {"event_name": HOSTILE, "attributes": {"plan": HOSTILE}}
    await tenant.post(event, f"/v1/contacts/{one['uuid']}/events")
    client, url = await visitor(tenant), f"{PAGE}/{one['uuid']}"
    page = (await client.get(url)).text
    assert page.count(ESCAPED) == 2
    assert "<script>alert" not in page
    assert (await client.send(f"{url}/deletion")).headers["location"] == PAGE
    assert (await client.get(url)).status_code == 404
    assert (await client.send(f"{url}/deletion")).status_code == 404


async def test_attributes_are_shown_as_text(tenant: Door) -> None:
    one = await contact(tenant, **{HOSTILE[:90]: HOSTILE})
    client = await visitor(tenant)
    for path in (PAGE, f"{PAGE}/{one['uuid']}"):
        page = (await client.get(path)).text
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page


async def test_only_whom_they_belong_to_sees_and_changes_contacts(tenant: Door) -> None:
    one = await contact(tenant)
    url = f"{PAGE}/{one['uuid']}"
    await assert_pages_guarded(tenant, "contacts", PAGE, f"{PAGE}/new", url)
    await assert_buttons_guarded(tenant, PAGE, url, f"{url}/subscription", f"{url}/deletion")
    other = await stranger(tenant)
    assert (await other.get(url)).status_code == 404
    for button in (url, f"{url}/subscription", f"{url}/deletion"):
        assert (await other.send(button)).status_code == 404
    assert await read(tenant, one["uuid"]) == one
