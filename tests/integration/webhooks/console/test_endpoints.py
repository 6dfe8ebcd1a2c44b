"""Endpoints are listed, made, changed, switched, tested and deleted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.console import notice, words
from tests.fixtures.deployment import eventually
from tests.integration.webhooks.console.conftest import PAGE, Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


async def made(desk: Desk, **fields: str | list[str]) -> Any:
    return await desk.visitor.send(f"{PAGE}/new", **{"signature": "standard", "method": "POST", **fields})


async def test_an_endpoint_is_made_and_its_secret_shown_this_once(desk: Desk) -> None:
    url = desk.receiver.url("/made")
    reply = await made(
        desk, url=url, name="orders", events=["email.sent", "email.bounced"], rate="7", concurrency="",
        headers="Authorization: Bearer 5a1f\r\nx-kind: {{type}}", query="order = {{data.metadata.order ?? 'none'}}",
        body='{"text": "{{type}}"}',
    )  # fmt: skip
    assert reply.status_code == 201
    secrets = SECRET.findall(reply.text)
    assert secrets
    assert "def verify(" in words(reply)
    assert "timingSafeEqual" in words(reply)
    (view,) = [each for each in await desk.views() if each["url"] == url]
    assert (view["name"], view["events"], view["rate"]) == ("orders", ["email.sent", "email.bounced"], 7)
    assert view["headers"] == {"authorization": "Bearer 5a1f", "x-kind": "{{type}}"}
    assert view["query"] == {"order": "{{data.metadata.order ?? 'none'}}"}
    assert view["body"] == '{"text": "{{type}}"}'
    for page in ("", "/signing", "/settings"):
        assert not SECRET.search((await desk.visitor.get(f"{PAGE}/{view['id']}{page}")).text)


async def test_one_of_ed25519_shows_its_public_key(desk: Desk) -> None:
    reply = await made(desk, url=desk.receiver.url("/ed"), signature="ed25519")
    (view,) = [each for each in await desk.views() if each["url"].endswith("/ed")]
    assert view["public_keys"][0] in words(reply)
    assert "whsk_" not in reply.text.replace("whsk_ key", "")
    assert "WEBHOOK_PUBLIC_KEY" in words(reply)


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"url": "nothing"}, "url", "must be an absolute https URL"),
        ({"url": "https://x.example/", "rate": "many"}, "rate", "must be a whole number"),
        ({"url": "https://x.example/", "concurrency": "101"}, "concurrency", "less than or equal to 100"),
        ({"url": "https://x.example/", "headers": "host: x"}, "headers", "set by Posthorn"),
        ({"url": "https://x.example/", "headers": "no pair"}, "headers", "Line 1 has no name and value"),
        ({"url": "https://x.example/", "body": "{"}, "body", "no JSON"),
        ({"url": "https://x.example/", "secret": "short"}, "secret", "must begin with whsec_"),
        ({"url": "https://x.example/", "events": ["email.lost"]}, "events", "Input should be"),
        ({"url": "https://x.example/", "signature": "rot13"}, "signature", "Input should be"),
    ],
)
async def test_a_fault_is_told_at_its_field_and_nothing_is_made(
    desk: Desk, fields: dict[str, Any], field: str, told: str
) -> None:
    before = len(await desk.views())
    reply = await made(desk, name="typed name", **fields)
    assert reply.status_code == 422
    about = re.search(rf'id="{field}-about">([^<]*)<', reply.text)
    assert about is not None
    assert told in about[1]
    assert 'value="typed name"' in reply.text
    assert len(await desk.views()) == before


async def test_settings_change_what_differs_and_keep_the_rest(desk: Desk) -> None:
    id_ = await desk.endpoint("/changed", name="before", headers={"x-a": "1"}, concurrency=3)
    page = f"{PAGE}/{id_}/settings"
    fields = {"url": desk.receiver.url("/changed"), "name": "after", "headers": "x-a: 1", "signature": "standard",
              "method": "PUT", "events": ["email.bounced"]}  # fmt: skip
    before = await desk.view(id_)
    reply = await desk.visitor.send(page, **fields)
    assert (reply.status_code, reply.headers["location"]) == (303, page)
    assert notice(reply, desk.visitor) == "Saved."
    changed = {"name": "after", "method": "PUT", "events": ["email.bounced"], "concurrency": 10}
    assert await desk.view(id_) == {**before, **changed}
    refused = await desk.visitor.send(page, **{**fields, "name": "x" * 101})
    assert refused.status_code == 422
    assert "at most 100 characters" in words(refused)
    assert (await desk.view(id_))["name"] == "after"


async def test_a_style_that_the_secret_does_not_fit_is_refused_at_its_field(desk: Desk) -> None:
    id_ = await desk.endpoint("/style")
    fields = {"url": desk.receiver.url("/style"), "signature": "ed25519", "method": "POST"}
    reply = await desk.visitor.send(f"{PAGE}/{id_}/settings", **fields)
    assert reply.status_code == 422
    assert "has to be made anew" in words(reply)


async def test_one_is_disabled_enabled_and_deleted(desk: Desk) -> None:
    id_ = await desk.endpoint("/switched")
    assert (await desk.visitor.send(f"{PAGE}/{id_}/disable")).status_code == 303
    assert not (await desk.view(id_))["enabled"]
    assert "Somebody of this workspace disabled it" in words(await desk.visitor.get(f"{PAGE}/{id_}"))
    refused = await desk.visitor.send(f"{PAGE}/{id_}/test")
    assert (refused.status_code, "enable it first" in words(refused)) == (409, True)
    await desk.visitor.send(f"{PAGE}/{id_}/enable")
    assert (await desk.view(id_))["enabled"]
    gone = await desk.visitor.send(f"{PAGE}/{id_}/delete")
    assert (gone.status_code, gone.headers["location"]) == (303, PAGE)
    assert (await desk.visitor.get(f"{PAGE}/{id_}")).status_code == 404


async def test_a_test_is_posted_and_its_result_shown(desk: Desk) -> None:
    id_ = await desk.endpoint("/tested")
    reply = await desk.visitor.send(f"{PAGE}/{id_}/test")
    assert reply.status_code == 303
    assert (notice(reply, desk.visitor) or "").startswith("The test was taken: HTTP 200 after")
    page = words(await desk.visitor.get(reply.headers["location"]))
    assert "Taken HTTP 200 after" in page
    assert "This is a test of your webhook endpoint" in page
    id_ = await desk.endpoint("/tested-500", 500)
    reply = await desk.visitor.send(f"{PAGE}/{id_}/test")
    assert notice(reply, desk.visitor) == "The test was posted, but not taken: HTTP 500."


async def test_the_list_and_the_summary_tell_how_each_does(desk: Desk) -> None:
    well, failing = await desk.endpoint("/well", name="Does well"), await desk.endpoint("/down", 503, name="Is down")
    await desk.tested(well)
    await desk.tested(failing)

    async def told() -> bool:
        page = words(await desk.visitor.get(PAGE))
        return "Nothing posted yet" not in page and bool(re.search(r"failing Is down .* Failing since", page))

    await eventually(told)
    rows = re.findall(r'<tr id="e-[^>]*>.*?</tr>', (await desk.visitor.get(PAGE)).text, re.DOTALL)
    (row,) = [each for each in rows if "Does well" in each]
    assert "100 %" in row
    assert "enabled" in row
    summary = words(await desk.visitor.get(f"{PAGE}/summary", part=True))
    assert re.search(r"Is down ?\. Failing since .* It answered with an error of its own\.", summary)
    detail = words(await desk.visitor.get(f"{PAGE}/{failing}"))
    assert "0 % taken of the last 3 posts" in detail
    assert "Post to it again now" in detail


async def test_a_pause_and_an_end_by_410_are_told(desk: Desk) -> None:
    paused, gone = await desk.endpoint("/paused"), await desk.endpoint("/gone", 410)
    until = datetime.now(UTC) + timedelta(hours=1)
    await desk.world.troubles.insert_one({"_id": paused, "held_until": until, "changed_at": until})
    assert "Paused until" in words(await desk.visitor.get(f"{PAGE}/{paused}"))
    await desk.visitor.send(f"{PAGE}/{paused}/enable")
    assert "Paused until" not in words(await desk.visitor.get(f"{PAGE}/{paused}"))
    await desk.tested(gone)

    async def disabled() -> bool:
        return not (await desk.view(gone))["enabled"]

    await eventually(disabled)
    assert "Disabled: it wants no more" in words(await desk.visitor.get(f"{PAGE}/{gone}"))
