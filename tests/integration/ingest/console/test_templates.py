"""The pages of templates: the list, the editor with its preview, versions, and tests to an address."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fixtures.console import VisitingClient, notice, words
from tests.integration.ingest.conftest import SENDER, Door, make_workspace
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
PAGE = "/console/templates"
FORM = {
    "name": "Welcome",
    "type": "transactional",
    "subject": "Hi {{name ?? 'you'}}",
    "html": "<p>\r\n<b>{{code}}</b></p>",
    "text": "Your code is {{code}}",
    "from": SENDER,
    "from_name": "Acme",
    "data": '{"code": "4<8"}',
}


async def make(door: Door, client: VisitingClient, **changes: str) -> dict[str, Any]:
    reply = await client.send(PAGE, **{**FORM, **changes})
    assert reply.status_code == 303, words(reply)
    return dict((await door.get(f"/v1/templates/{reply.headers['location'].rpartition('/')[2]}")).json())


async def listed(door: Door) -> list[dict[str, Any]]:
    return list((await door.get("/v1/templates")).json()["data"])


def fault_at(reply: httpx.Response, field: str) -> str:
    return reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]


async def test_a_template_is_made_listed_and_changed(tenant: Door) -> None:
    client = await visitor(tenant)
    made = await make(tenant, client)
    assert (made["html"], made["from"], made["reply_to"]) == ("<p>\n<b>{{code}}</b></p>", SENDER, None)
    assert "Welcome Hi {{name ?? &#39;you&#39;}}".replace("&#39;", "'") in words(await client.get(PAGE))
    url = f"{PAGE}/{made['id']}"
    reply = await client.send(url, **{**FORM, "subject": "Hello", "from_name": ""})
    assert notice(reply, client) == "Saved as version 2."
    now = (await tenant.get(f"/v1/templates/{made['id']}")).json()
    assert (now["version"], now["subject"], now["from_name"], now["text"]) == (2, "Hello", None, made["text"])
    reply = await client.send(url, **{**FORM, "subject": "Hello", "from_name": ""})
    assert notice(reply, client) == "Nothing to save."


async def test_the_list_is_bounded_by_type_and_has_pages(tenant: Door) -> None:
    client = await visitor(tenant)
    for place in range(51):
        await tenant.post({"name": f"t{place:02}", "subject": "s", "text": "t"}, "/v1/templates")
    await make(tenant, client, type="marketing", name="Offer")
    first = await client.get(PAGE)
    older = first.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "t00" in words(await client.get(older))
    assert "t00" not in words(first)
    offers = words(await client.get(PAGE, type="marketing"))
    assert ("Offer" in offers, "t50" in offers) == (True, False)
    assert (await client.get(PAGE, type="nonsense")).status_code == 422


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": "", "subject": "a\nb"}, ("name", "subject")),
        ({"html": "", "text": ""}, ("html", "text")),
        ({"from": "nobody", "reply_to": "x"}, ("from", "reply_to")),
        ({"type": "odd"}, ("type",)),
        ({"text": "x" * (256 * 1024 + 1)}, ("text",)),
    ],
)
async def test_what_is_wrong_stands_at_its_field_and_nothing_is_kept(
    tenant: Door, changes: dict[str, str], fields: tuple[str, ...]
) -> None:
    client = await visitor(tenant)
    reply = await client.send(PAGE, **{**FORM, **changes})
    assert reply.status_code in (413, 422)
    for field in fields:
        assert fault_at(reply, field), field
    assert "Acme" in reply.text
    assert await listed(tenant) == []
    made = await make(tenant, client)
    assert (await client.send(f"{PAGE}/{made['id']}", **{**FORM, **changes})).status_code in (413, 422)
    assert (await tenant.get(f"/v1/templates/{made['id']}")).json() == made


async def test_what_it_becomes_is_told_before_it_is_kept(tenant: Door) -> None:
    client = await visitor(tenant)
    part = await client.send(f"{PAGE}/preview", **{**FORM, "text": "{{code}} {{missing}}"})
    assert part.status_code == 200
    said = words(part)
    assert "Hi you" in said
    assert "4<8 " in said
    assert "missing . They become nothing" in said
    frame = await client.send(f"{PAGE}/preview/frame", **FORM)
    assert frame.text == "<p>\n<b>4&lt;8</b></p>"
    policy = frame.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert await listed(tenant) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": "{code"}, "This is no JSON"),
        ({"data": "[1]"}, "JSON object"),
        ({"data": '{"name": "a\\nb"}'}, "line break"),
        ({"subject": ""}, "`subject` may not be empty"),
    ],
)
async def test_the_preview_says_what_is_wrong_and_leads_there(tenant: Door, changes: dict[str, str], said: str) -> None:
    part = await (await visitor(tenant)).send(f"{PAGE}/preview", **{**FORM, **changes})
    assert part.status_code == 200
    assert said in words(part)
    assert f'href="#{next(iter(changes))}"' in part.text


async def test_versions_are_looked_at_and_restored(tenant: Door) -> None:
    client = await visitor(tenant)
    made = await make(tenant, client)
    url = f"{PAGE}/{made['id']}"
    await client.send(url, **{**FORM, "subject": "Second", "html": ""})
    earlier = await client.get(url, version="1")
    assert "This is version 1 of 2" in words(earlier)
    assert "&lt;b&gt;{{code}}" in earlier.text
    reply = await client.send(f"{url}/versions/1/restoration")
    assert notice(reply, client) == "Restored version 1, as version 3."
    now = (await tenant.get(f"/v1/templates/{made['id']}")).json()
    assert {**now, "version": 1, "changed_at": made["changed_at"]} == made
    assert (await client.get(url, version="9")).status_code == 404
    assert (await client.send(f"{url}/versions/9/restoration")).status_code == 404
    for place in range(21):
        await client.send(url, **{**FORM, "subject": f"S{place}"})
    assert words(await client.get(url)).count("Restore ") == 19
    assert f"{url}?before=5#versions" in (await client.get(url)).text
    assert "Newest" in words(await client.get(url, before="5"))


async def test_a_test_sends_what_stands_in_the_form(tenant: Door) -> None:
    client = await visitor(tenant)
    made = await make(tenant, client)
    draft = {**FORM, "subject": "Draft {{code}}", "to": "ann@example.test", "id": made["id"]}
    reply = await client.send(f"{PAGE}/test", **draft)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/console/messages/")
    (submission,) = await tenant.submissions()
    (content,) = await tenant.contents()
    assert content["subject"] == "Draft 4<8"
    assert "4&lt;8" in content["html"]
    assert content["from_"] == f"Acme <{SENDER}>"
    assert submission["workspace_id"] == tenant.workspace.id
    assert (await tenant.get(f"/v1/templates/{made['id']}")).json() == made


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": "nobody"}, "to"),
        ({"to": ""}, "to"),
        ({"from": "a@elsewhere.test"}, "from"),
        ({"data": "{"}, "data"),
    ],
)
async def test_a_test_that_cannot_be_sent_says_why_and_keeps_what_was_typed(
    tenant: Door, changes: dict[str, str], field: str
) -> None:
    client = await visitor(tenant)
    made = await make(tenant, client)
    draft = {**FORM, "subject": "Not kept", "to": "ann@example.test", "id": made["id"], **changes}
    reply = await client.send(f"{PAGE}/test", **draft)
    assert reply.status_code == 422
    assert fault_at(reply, field), words(reply)
    assert 'value="Not kept"' in reply.text
    assert await tenant.nothing_stored()


async def test_a_test_needs_a_key_that_may_send(tenant: Door) -> None:
    client = await visitor(tenant, await key_with(tenant, "templates"))
    reply = await client.send(f"{PAGE}/test", **FORM, to="ann@example.test")
    assert (reply.status_code, "email.send" in words(reply)) == (403, True)
    assert "Send a test" not in words(await client.get(f"{PAGE}/new"))


async def test_a_workspace_that_keeps_no_content_previews_none(tenant: Door) -> None:
    workspace, key = await make_workspace(tenant.workspaces, features=["templates.enabled"], keep_content=False)
    client = await visitor(tenant, key)
    assert workspace.id != tenant.workspace.id
    assert "previews none" in words(await client.get(f"{PAGE}/new"))
    assert "previews none" in words(await client.send(f"{PAGE}/preview", **FORM))
    assert (await client.send(f"{PAGE}/preview/frame", **FORM)).status_code == 403


async def test_a_deleted_template_is_gone(tenant: Door) -> None:
    client = await visitor(tenant)
    made = await make(tenant, client)
    reply = await client.send(f"{PAGE}/{made['id']}/deletion")
    assert (reply.status_code, reply.headers["location"]) == (303, PAGE)
    assert (await client.get(f"{PAGE}/{made['id']}")).status_code == 404
    assert await listed(tenant) == []


async def test_what_a_template_says_is_shown_as_text(tenant: Door) -> None:
    client = await visitor(tenant)
    hostile = {"name": HOSTILE, "subject": HOSTILE, "html": f"{HOSTILE}</textarea>", "text": f"{HOSTILE}</pre>"}
    made = await make(tenant, client, **hostile)
    for path in (PAGE, f"{PAGE}/{made['id']}"):
        page = (await client.get(path)).text
        assert ESCAPED in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    part = (await client.send(f"{PAGE}/preview", **{**FORM, **hostile})).text
    assert "<script>alert" not in part


async def test_only_whom_they_belong_to_sees_and_changes_templates(tenant: Door) -> None:
    made = await make(tenant, await visitor(tenant))
    url = f"{PAGE}/{made['id']}"
    await assert_pages_guarded(tenant, "templates", PAGE, f"{PAGE}/new", url)
    buttons = (url, f"{url}/deletion", f"{url}/versions/1/restoration")
    await assert_buttons_guarded(tenant, PAGE, f"{PAGE}/preview", f"{PAGE}/preview/frame", f"{PAGE}/test", *buttons)
    other = await stranger(tenant)
    assert (await other.get(url)).status_code == 404
    for button in buttons:
        assert (await other.send(button, **FORM)).status_code == 404
    reply = await other.send(f"{PAGE}/test", **FORM, to="", id=made["id"])
    assert reply.status_code == 404
    assert (await tenant.get(f"/v1/templates/{made['id']}")).json() == made
