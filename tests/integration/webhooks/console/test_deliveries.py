"""Deliveries: found, shown with what was answered, and posted again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.events import EventType
from tests.fixtures.console import notice, words
from tests.fixtures.deployment import eventually
from tests.fixtures.http_receiver import Answer
from tests.integration.webhooks.console.conftest import PAGE, Desk
from tests.integration.webhooks.world import an_event

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOSTILE = b"<script>alert(1)</script>\xe2\x80\xae\"'" + b"x" * 5000


async def test_the_filters_of_the_url_choose_what_is_listed(desk: Desk) -> None:
    id_ = await desk.endpoint("/filtered", events=["email.delivered", "email.bounced"])
    delivered = an_event(desk.world.workspace_id)
    bounced = an_event(desk.world.workspace_id, EventType.BOUNCED, code=550)
    await desk.world.publish(delivered, bounced)
    await desk.world.ended({"id": id_}, delivered, bounced)
    page = f"{PAGE}/{id_}"
    both = (await desk.visitor.get(page)).text
    assert delivered.message_id in both
    assert bounced.message_id in both
    assert "HTTP 200" in both
    for query, is_there in (
        ({"event": "email.bounced"}, (False, True)),
        ({"message": delivered.message_id}, (True, False)),
        ({"state": "failed"}, (False, False)),
        ({"state": "succeeded"}, (True, True)),
        ({"since": f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M}"}, (True, True)),
        ({"until": f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M}"}, (False, False)),
    ):
        shown = await desk.visitor.get(page, **query)
        rows = "".join(re.findall(r"<tbody>.*</tbody>", shown.text, re.DOTALL))
        assert (delivered.message_id in rows, bounced.message_id in rows) == is_there, query
    assert "Nothing found" in words(await desk.visitor.get(page, state="failed"))
    faulty = await desk.visitor.get(page, since="yesterday")
    assert 'id="since-about"' in faulty.text


async def test_older_deliveries_are_a_page_away(desk: Desk) -> None:
    id_ = await desk.endpoint("/paged", events=["email.delivered"])
    events = [an_event(desk.world.workspace_id) for _ in range(60)]
    await desk.world.publish(*events)
    await desk.world.ended({"id": id_}, *events)
    first = (await desk.visitor.get(f"{PAGE}/{id_}", event="email.delivered")).text
    older = re.search(r'href="([^"]*cursor=[^"]*)" rel="next"', first)
    assert older is not None
    second = (await desk.visitor.get(older[1].replace("&amp;", "&"))).text
    seen = [re.findall(r'<tr id="d-(\w+)"', page) for page in (first, second)]
    assert [len(ids) for ids in seen] == [50, 10]
    assert len({*seen[0], *seen[1]}) == 60
    assert "Newest" in second
    assert "hx-sse:connect" not in second


async def test_a_delivery_shows_what_is_posted_and_each_answer_as_text(desk: Desk) -> None:
    id_ = await desk.endpoint("/hostile", 500, HOSTILE, name='<img src=x onerror="1">')
    event = an_event(desk.world.workspace_id, code=250, reply="<b>ok</b>")
    await desk.world.publish(event)
    await desk.world.ended({"id": id_}, event)
    job = await desk.world.job(event, {"id": id_})
    assert job is not None
    page = await desk.visitor.get(f"{PAGE}/{id_}/deliveries/{job['_id']}")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<img" not in page.text
    assert "<b>ok</b>" not in page.text
    shown = words(page)
    assert "Given up after 3 attempts" in shown
    assert '"message_id": "' + event.message_id in shown
    assert [shown.count(f"Attempt {number}: HTTP 500") for number in (1, 2, 3)] == [1, 1, 1]
    assert f"/console/messages/{event.message_id}" not in page.text  # this key may not see messages
    assert "<img" not in (await desk.visitor.get(PAGE)).text
    assert "<img" not in (await desk.visitor.get(f"{PAGE}/summary", part=True)).text


async def test_one_is_retried_and_leads_back(desk: Desk) -> None:
    id_ = await desk.endpoint("/retried", 500)
    delivery = await desk.tested(id_)
    desk.receiver.script("/retried", Answer())
    path = f"{PAGE}/{id_}/deliveries/{delivery}/retry"
    back = f"{PAGE}/{id_}?state=failed"
    reply = await desk.visitor.send(path, back=back)
    assert (reply.status_code, reply.headers["location"]) == (303, back)
    assert "due now" in (notice(reply, desk.visitor) or "")

    async def taken() -> bool:
        return bool((await desk.world.ask("GET", f"{id_}/deliveries/{delivery}", 200))["state"] == "succeeded")

    await eventually(taken)
    refused = await desk.visitor.send(path)
    assert (refused.status_code, "a replay posts it again" in words(refused)) == (409, True)


async def test_the_way_back_from_a_retry_stays_in_the_console(desk: Desk) -> None:
    id_ = await desk.endpoint("/way-back", 500)
    for back, place in (("https://evil.example/", "/console"), ("", None)):
        delivery = await desk.tested(id_)
        page = f"{PAGE}/{id_}/deliveries/{delivery}"
        reply = await desk.visitor.send(f"{page}/retry", back=back)
        assert reply.headers["location"] == (place or page)
