"""Opens, clicks and unsubscribing over HTTP, on real MongoDB and Kafka."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.contracts.events import EventType, event_of
from shared.contracts.topics import EVENTS, STAGE_REPORTS
from shared.links import Link, Links
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import Door, make_workspace
from tests.integration.ingest.reader import TARGET, Reader, beside, open_reader, sent


@pytest.fixture
async def reader(deployment: Deployment) -> AsyncIterator[Reader]:
    async with open_reader(deployment) as opened:
        yield opened


async def test_what_a_reader_does_is_told_on_kafka_and_shown_of_the_message(deployment: Deployment) -> None:
    async with open_reader(deployment, "projector") as reader:
        image = await reader.open()
        assert (image.status_code, image.headers["content-type"]) == (200, "image/gif")
        assert struct.unpack("<6sHH", image.content[:10]) == (b"GIF89a", 1, 1)
        led = await reader.click()
        assert (led.status_code, led.headers["location"]) == (302, TARGET)
        assert (await reader.unsubscribe()).status_code == 200
        for reply in (image, led):
            assert reply.headers["cache-control"] == "no-store"
            assert "set-cookie" not in reply.headers

        events = {event.type: event for event in await reader.published(3)}
        assert set(events) == {EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED}
        for event in events.values():
            assert event.recipient == reader.message.recipient
            assert event.workspace_id == reader.message.workspace_id
            assert event.trace == reader.message.trace
            assert event.data["ip"] == "127.0.0.0"
            assert "machine" not in event.data
        assert events[EventType.CLICKED].data["url"] == TARGET
        assert events[EventType.UNSUBSCRIBED].data["method"] == "one_click"

        delivered = event_of(reader.message, EventType.DELIVERED, datetime.now(UTC))
        await deployment.publish(EVENTS, [(reader.message.message_id, delivered.encode(), {})])
        view = await reader.view("opened_at", "clicked_at", "unsubscribed_at", "delivered_at")
        assert (view["status"], view["unified_status"]) == ("delivered", "opened")
        assert view["machine_opened_at"] is None
        steps = {entry["step"]: entry for entry in await reader.trace()}
        assert steps["clicked"]["data"]["url"] == TARGET
        assert {"opened", "unsubscribed"} <= steps.keys()


async def test_machines_are_told_apart_and_not_left_out(deployment: Deployment) -> None:
    async with open_reader(deployment, "projector", tracking_hasty_seconds=60) as reader:
        delivered = event_of(reader.message, EventType.DELIVERED, datetime.now(UTC) - timedelta(hours=1))
        await deployment.publish(EVENTS, [(reader.message.message_id, delivered.encode(), {})])
        await reader.view("delivered_at")
        await reader.open(headers={"User-Agent": "Mozilla/5.0"})
        await reader.click(headers={"Sec-Purpose": "prefetch"})
        view = await reader.view("machine_opened_at", "machine_clicked_at")
        assert view["opened_at"] == view["machine_opened_at"]
        await reader.open()
        view = await reader.view("opened_at")
        reasons = {(event.type, event.data.get("machine_reason")) for event in await reader.kept()}
        assert reasons == {("opened", "proxy"), ("clicked", "prefetch"), ("opened", None)}

        hasty = Reader(reader.door, reader.http, await sent(reader.door))  # accepted just now, and not delivered yet
        await hasty.click()
        [event] = [one for one in await hasty.kept() if one.message_id == hasty.message.message_id]
        assert event.data["machine_reason"] == "scanner"


async def test_hits_within_a_minute_are_one_event_and_cost_one_write(reader: Reader) -> None:
    await asyncio.gather(*(reader.click() for _ in range(40)), *(reader.open() for _ in range(40)))
    hits = await reader.hits()
    assert len(hits) == len(await reader.minutes())
    assert len(hits) <= 4

    seen = await profiled(reader)
    again = len(await reader.hits()) - len(hits)  # where a minute has begun meanwhile
    assert seen["insert"] == again
    assert seen["query"] <= 2 * again


async def profiled(reader: Reader) -> Counter[str]:
    """What five further clicks ask of MongoDB, by operation."""
    database = reader.door.deployment.database("ingest")
    await database.command("profile", 2)
    for _ in range(5):
        assert (await reader.click()).status_code == 302
    await database.command("profile", 0)
    asked = database["system.profile"].find({"ns": {"$regex": "(tracked_hits|messages|submissions)$"}})
    return Counter([entry["op"] async for entry in asked])


async def test_what_comes_too_soon_again_and_again_costs_one_write_too(deployment: Deployment) -> None:
    async with open_reader(deployment, tracking_hasty_seconds=60) as reader:
        await reader.click()
        before = len(await reader.hits())
        assert (await profiled(reader))["insert"] == len(await reader.hits()) - before


async def test_another_process_keeps_no_hit_twice(reader: Reader) -> None:
    async with beside(reader) as other:
        for each in (reader, other, reader, other):
            assert (await each.open()).status_code == 200
    hits = await reader.hits()
    assert len(hits) == len(await reader.minutes())
    assert len(await reader.published(len(hits))) == len(hits)


async def test_what_is_not_ours_leads_nowhere_and_keeps_nothing(reader: Reader) -> None:
    token, target = reader.url("click", TARGET).split("/")[-2:]
    elsewhere = reader.url("click", "https://evil.test/").split("/")[-1]
    flipped = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    for path in (
        f"/t/c/{token}/{elsewhere}",
        f"/t/c/{flipped}/{target}",
        f"/t/c/{token}",
        "/t/c/x/y",
        f"/t/c/{token}/",
    ):
        reply = await reader.http.get(path)
        assert (reply.status_code, "location" in reply.headers) == (404, False), path
        assert "text/html" in reply.headers["content-type"]
    for path in ("/t/o/x.gif", "/t/o/x", f"/t/o/{token}.gif", f"/t/o/{flipped}.gif"):
        reply = await reader.http.get(path)
        assert (reply.status_code, reply.headers["content-type"]) == (200, "image/gif"), path
    for path in ("/u/x", f"/u/{token}", reader.url("open").removesuffix(".gif").replace("/t/o/", "/u/")):
        assert (await reader.http.get(path)).status_code == 404
        assert (await reader.http.post(path, data={"List-Unsubscribe": "One-Click"})).status_code == 404
    assert await reader.hits() == []


async def test_a_link_under_another_workspace_finds_no_message(reader: Reader) -> None:
    other, _ = await make_workspace(reader.door.workspaces)
    links = Links(reader.door.deployment.shared.token_key_bytes)
    foreign = links.url("http://posthorn", Link(kind="unsubscribe"), other.id, reader.message.message_id)
    assert (await reader.http.post(foreign, data={"List-Unsubscribe": "One-Click"})).status_code == 404
    assert (await reader.http.get(foreign.replace("/u/", "/t/o/"))).status_code == 200
    assert await reader.hits() == []


async def test_a_head_is_no_hit(reader: Reader) -> None:
    assert (await reader.http.head(reader.url("open"))).status_code == 200
    reply = await reader.http.head(reader.url("click", TARGET))
    assert (reply.status_code, reply.headers["location"]) == (302, TARGET)
    assert (await reader.http.head(reader.url("unsubscribe"))).status_code == 200
    assert await reader.hits() == []


async def test_readers_go_on_while_mongodb_is_away(reader: Reader, capfd: pytest.CaptureFixture[str]) -> None:
    """Their hits are lost; who wants to unsubscribe is asked to try again. No log shows where they were led."""
    async with beside(reader, mongo_url="mongodb://127.0.0.1:9/?directConnection=true") as cut:
        image, led, refused = await asyncio.gather(cut.open(), cut.click(), cut.unsubscribe())
    assert image.headers["content-type"] == "image/gif"
    assert (led.status_code, led.headers["location"]) == (302, TARGET)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert await reader.hits() == []
    shown = "".join(capfd.readouterr())
    assert "hits not kept" in shown
    for secret in ("482910", reader.url("unsubscribe").split("/")[-1], reader.url("click", TARGET).split("/")[-2]):
        assert secret not in shown


async def test_nobody_waits_for_kafka_and_the_sweep_publishes_what_stayed(reader: Reader) -> None:
    async with beside(reader, kafka_bootstrap="127.0.0.1:9") as cut:
        assert (await cut.click()).status_code == 302
        assert (await cut.unsubscribe()).status_code == 200
    hits = await reader.hits()
    assert ["unpublished" in hit for hit in hits] == [True, True]
    deployment = reader.door.deployment
    collection = deployment.database("ingest")["tracked_hits"]
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    await collection.update_many({}, {"$set": {"unpublished.since": long_ago}})
    await deployment.prepare(topics=(STAGE_REPORTS,))
    async with create_app(deployment.settings(Settings), {"relay"}).run():
        events = await reader.published(2)
        assert {event.event_id for event in events} == {hit["_id"] for hit in hits}

        async def cleared() -> bool:
            return not await collection.count_documents({"unpublished": {"$exists": True}})

        await eventually(cleared)


async def test_what_stops_with_hits_at_hand_publishes_them(reader: Reader) -> None:
    async with beside(reader) as other:
        assert (await other.open()).status_code == 200
        assert len(await reader.published(1)) == 1  # from here on it is connected to Kafka
        assert (await other.click()).status_code == 302
    assert [hit["event"] for hit in await reader.hits() if "unpublished" in hit] == []


async def test_the_links_are_described(door: Door) -> None:
    paths = (await door.http.get("/openapi.json")).json()["paths"]
    assert set(paths["/t/o/{token}"]["get"]["responses"]) >= {"200"}
    assert set(paths["/t/c/{token}/{target}"]["get"]["responses"]) >= {"302", "404"}
    assert set(paths["/u/{token}"]["post"]["responses"]) >= {"200", "400", "404", "413", "503"}
    assert set(paths["/u/{token}"]) == {"get", "post"}
