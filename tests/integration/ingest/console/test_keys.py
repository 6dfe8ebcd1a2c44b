"""The pages of keys and SMTP credentials."""

from __future__ import annotations

import re
from typing import Any

import pytest

from services.ingest.settings import Settings
from tests.fixtures.console import notice, words
from tests.integration.ingest.conftest import Door
from tests.integration.ingest.console.visiting import (
    ESCAPED,
    HOSTILE,
    assert_buttons_guarded,
    assert_pages_guarded,
    key_with,
    stranger,
    visitor,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = "/console/keys"
FORM = {"name": "billing", "scopes": "email.send"}
KEY = re.compile(r"ph_live_[A-Za-z0-9]{30,}")


async def keys(door: Door) -> list[dict[str, Any]]:
    return list((await door.get("/v1/api-keys")).json()["data"])


async def made(door: Door, **fields: str) -> dict[str, Any]:
    before = {key["id"] for key in await keys(door)}
    assert (await (await visitor(door)).send(PAGE, **{**FORM, **fields})).status_code == 200
    (one,) = [key for key in await keys(door) if key["id"] not in before]
    return one


async def test_the_list_tells_what_each_key_opens(tenant: Door) -> None:
    key = await made(tenant, allowed_ips="192.0.2.0/24\n2001:db8::1", domains="acme.test")
    said = words(await (await visitor(tenant)).get(PAGE))
    for part in ("billing", "Send mail", "192.0.2.0/24", "acme.test", "Everything", key["prefix"], "this session's"):
        assert part in said


async def test_a_new_key_s_text_is_shown_once_and_opens_what_was_ticked(tenant: Door) -> None:
    client = await visitor(tenant)
    reply = await client.send(PAGE, **FORM, default_stream="billing", rate_limit="600")
    assert reply.status_code == 200
    (text,) = set(KEY.findall(reply.text))
    assert reply.headers["cache-control"] == "no-store"
    opened = await tenant.http.get("/v1/emails", headers={"Authorization": f"Bearer {text}"})
    assert opened.status_code == 403  # it may send and nothing else
    assert not KEY.search((await client.get(PAGE)).text)
    (key,) = [one for one in await keys(tenant) if one["name"] == "billing"]
    assert (key["default_stream"], key["rate_limit"], key["expires_at"]) == ("billing", 600, None)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "may not be empty"),
        ("expires_at", "2001-01-01T00:00", "This time is past"),
        ("expires_at", "soon", "no date and time"),
        ("allowed_ips", "300.1.1.1", "Not an address or a network"),
        ("domains", "no domain", "Not a domain name"),
        ("rate_limit", "many", "whole number"),
        ("rate_limit", "0", "greater than or equal to 1"),
        ("scopes", "everything", "This is no scope"),
        ("scopes", [], "Choose at least one"),
    ],
)
async def test_what_is_wrong_stands_at_its_field_and_nothing_is_made(
    tenant: Door, field: str, value: Any, said: str
) -> None:
    before = await keys(tenant)
    reply = await (await visitor(tenant)).send(PAGE, **{**FORM, "domains": "kept.test", field: value})
    assert reply.status_code == 422
    at = reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]
    assert said in at
    assert "kept.test" in reply.text or field == "domains"
    assert await keys(tenant) == before


async def test_a_key_hands_on_no_more_than_it_has(tenant: Door) -> None:
    client = await visitor(tenant, await key_with(tenant, "keys", "email.send"))
    page = (await client.get(f"{PAGE}/new")).text
    assert re.search(r'value="admin"[^>]* disabled', page)
    assert not re.search(r'value="email.send"[^>]* disabled', page)
    before = await keys(tenant)
    reply = await client.send(PAGE, name="more", scopes="admin")
    assert reply.status_code == 403
    assert "no scope 'admin' itself" in words(reply)
    assert await keys(tenant) == before


async def test_a_change_leaves_the_rest_as_it_is(tenant: Door) -> None:
    key = await made(tenant, expires_at="2031-02-03T04:05:06")
    client, url = await visitor(tenant), f"{PAGE}/{key['id']}"
    assert 'value="2031-02-03T04:05:06"' in (await client.get(url)).text
    reply = await client.send(url, name="invoices", scopes="email.send", expires_at="2031-02-03T04:05:06")
    assert (reply.status_code, reply.headers["location"], notice(reply, client)) == (303, url, "Saved.")
    (now,) = [one for one in await keys(tenant) if one["id"] == key["id"]]
    assert {**now, "name": "billing"} == key


async def test_a_change_that_is_wrong_is_shown_again_as_it_was_typed(tenant: Door) -> None:
    key = await made(tenant)
    reply = await (await visitor(tenant)).send(f"{PAGE}/{key['id']}", name="", scopes="email.send", domains="a b")
    assert reply.status_code == 422
    assert "2 fields need" in words(reply)
    assert "a b" in reply.text
    assert key in await keys(tenant)


async def test_a_rotation_shows_the_new_text_and_the_old_one_works_for_the_grace(tenant: Door) -> None:
    key = await made(tenant)
    client, url = await visitor(tenant), f"{PAGE}/{key['id']}/rotation"
    first = await client.send(url, grace_seconds="3600")
    (text,) = set(KEY.findall(first.text))
    assert "works until" in words(first)
    second = await client.send(url, grace_seconds="0")
    (newest,) = set(KEY.findall(second.text))
    assert newest != text
    gone = await tenant.http.get("/v1/emails", headers={"Authorization": f"Bearer {text}"})
    assert gone.status_code == 401
    assert (await client.send(url, grace_seconds="-1")).status_code == 422


async def test_a_revoked_key_opens_nothing(tenant: Door) -> None:
    key = await made(tenant)
    client = await visitor(tenant)
    reply = await client.send(f"{PAGE}/{key['id']}/revocation")
    assert (reply.status_code, reply.headers["location"]) == (303, PAGE)
    assert key["id"] not in [one["id"] for one in await keys(tenant)]
    assert (await client.get(f"{PAGE}/{key['id']}")).status_code == 404
    assert (await client.send(f"{PAGE}/{key['id']}/revocation")).status_code == 404


async def test_a_credential_is_shown_once_with_all_that_a_mail_program_asks_for(tenant: Door) -> None:
    client, settings = await visitor(tenant), tenant.deployment.settings(Settings)
    reply = await client.send(f"{PAGE}/smtp", name="printer")
    said = words(reply)
    (credential,) = (await tenant.get("/v1/smtp-credentials")).json()["data"]
    for part in ("ph_smtp_", credential["user"], str(settings.smtp_port), str(settings.smtps_port), "STARTTLS"):
        assert part in said
    listed = words(await client.get(PAGE))
    assert credential["user"] in listed
    assert "ph_smtp_" not in listed
    gone = await client.send(f"{PAGE}/smtp/{credential['id']}/revocation")
    assert gone.headers["location"] == PAGE
    assert (await tenant.get("/v1/smtp-credentials")).json()["data"] == []


async def test_a_credential_needs_a_name_and_a_key_that_may_send(tenant: Door) -> None:
    reply = await (await visitor(tenant)).send(f"{PAGE}/smtp", name="")
    assert (reply.status_code, "may not be empty" in reply.text) == (422, True)
    narrow = await visitor(tenant, await key_with(tenant, "keys"))
    assert (await narrow.send(f"{PAGE}/smtp", name="printer")).status_code == 403
    assert (await tenant.get("/v1/smtp-credentials")).json()["data"] == []


async def test_names_are_shown_as_text(tenant: Door) -> None:
    key = await made(tenant, name=HOSTILE)
    client = await visitor(tenant)
    await client.send(f"{PAGE}/smtp", name=HOSTILE)
    for path in (PAGE, f"{PAGE}/{key['id']}"):
        page = (await client.get(path)).text
        assert ESCAPED in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page


async def test_only_whom_they_belong_to_sees_and_changes_keys(tenant: Door) -> None:
    key = await made(tenant)
    await assert_pages_guarded(tenant, "keys", PAGE, f"{PAGE}/new", f"{PAGE}/smtp/new", f"{PAGE}/{key['id']}")
    urls = (f"{PAGE}/{key['id']}", f"{PAGE}/{key['id']}/rotation", f"{PAGE}/{key['id']}/revocation")
    await assert_buttons_guarded(tenant, PAGE, f"{PAGE}/smtp", f"{PAGE}/smtp/x/revocation", *urls)
    other = await stranger(tenant)
    assert (await other.get(f"{PAGE}/{key['id']}")).status_code == 404
    for url in urls:
        assert (await other.send(url, **FORM)).status_code == 404
    assert key in await keys(tenant)
