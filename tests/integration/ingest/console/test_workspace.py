"""The pages of the workspace and of its audit log."""

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
PAGE, LOG = "/console/workspace", "/console/workspace/audit"
FORM = {"default_sender": SENDER, "default_stream": "billing", "default_tracking": "clicks", "keep_content": "yes"}


async def workspace(door: Door) -> dict[str, Any]:
    return dict((await door.get(f"/v1/workspaces/{door.workspace.id}")).json())


async def test_it_tells_what_the_workspace_is_and_may(tenant: Door) -> None:
    said = words(await (await visitor(tenant)).get(PAGE))
    for part in ("Acme", tenant.workspace.id, "owner@acme.test", "verified", "templates", "25.0 MiB", "no limit", "50"):
        assert part in said


async def test_its_defaults_are_changed(tenant: Door) -> None:
    client = await visitor(tenant)
    reply = await client.send(PAGE, **FORM, complaints_spare_critical="yes")
    assert (reply.status_code, reply.headers["location"]) == (303, PAGE)
    assert notice(reply, client)
    now = await workspace(tenant)
    assert (now["default_sender"], now["default_stream"], now["default_tracking"]) == (SENDER, "billing", ["clicks"])
    assert (now["complaints_spare_critical"], now["keep_content"]) == (True, True)
    await client.send(PAGE, default_stream="billing")
    now = await workspace(tenant)
    assert (now["default_sender"], now["default_tracking"], now["keep_content"]) == (None, [], False)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("default_sender", "nobody", "@-sign"),
        ("default_sender", "a@elsewhere.test", "no verified sender"),
        ("default_stream", "gossip", "authentication"),
        ("default_tracking", "moods", "opens"),
    ],
)
async def test_what_is_wrong_stands_at_its_field_and_nothing_is_changed(
    tenant: Door, field: str, value: str, said: str
) -> None:
    before = await workspace(tenant)
    reply = await (await visitor(tenant)).send(PAGE, **{**FORM, field: value})
    assert reply.status_code == 422
    assert said in reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]
    assert await workspace(tenant) == before


async def test_what_is_the_operator_s_is_no_field_of_the_form(tenant: Door) -> None:
    reply = await (await visitor(tenant)).send(PAGE, **FORM, name="Mallory", max_recipients="1000")
    assert reply.status_code == 303
    now = await workspace(tenant)
    assert (now["name"], now["max_recipients"]) == ("Acme", 50)


async def test_the_log_tells_who_changed_what(tenant: Door) -> None:
    client = await visitor(tenant)
    await client.send("/console/keys", name="billing", scopes="email.send")
    await client.send(PAGE, **FORM)
    said = words(await client.get(LOG))
    for part in ("made the API key billing", "changed the workspace", "default_stream", "added the domain acme.test"):
        assert part in said
    only = words(await client.get(LOG, action="api_key.created"))
    assert "made the API key billing" in only
    assert "added the domain acme.test" not in only
    assert client.session is not None
    by_key = words(await client.get(LOG, actor_id=str(client.session.key_id)))
    assert "changed the workspace" in by_key
    assert "added the domain acme.test" not in by_key
    assert "Nothing found" in words(await client.get(LOG, to="2001-01-01T00:00"))


async def test_the_log_has_pages(tenant: Door) -> None:
    client = await visitor(tenant)
    for place in range(55):
        await tenant.post({"name": f"key {place}", "scopes": ["email.send"]}, "/v1/api-keys")
    first = await client.get(LOG, action="api_key.created")
    assert (first.text.count("<tr>"), "key 54" in first.text, ">key 0<" in first.text) == (51, True, False)
    older = first.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = await client.get(older)
    assert ">key 0<" in second.text
    assert "Newest" in words(second)
    assert (await client.get(LOG, cursor="nonsense")).status_code == 422


@pytest.mark.parametrize("query", [{"action": "NO"}, {"from": "yesterday"}, {"object_id": "x" * 65}])
async def test_a_filter_that_is_wrong_says_so_at_its_field(tenant: Door, query: dict[str, str]) -> None:
    reply = await (await visitor(tenant)).get(LOG, **query)
    assert reply.status_code == 422
    (field,) = query
    assert reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]


async def test_names_are_shown_as_text(tenant: Door) -> None:
    client = await visitor(tenant)
    await client.send("/console/keys", name=HOSTILE[:100], scopes="email.send")
    page = (await client.get(LOG)).text
    assert ESCAPED in page
    assert "<script>alert" not in page


async def test_only_whom_it_belongs_to_sees_and_changes_it(tenant: Door) -> None:
    await assert_pages_guarded(tenant, "admin", PAGE, LOG)
    await assert_buttons_guarded(tenant, PAGE)
    other = words(await (await stranger(tenant)).get(LOG))
    assert "acme.test" not in other
    assert tenant.workspace.id not in other
