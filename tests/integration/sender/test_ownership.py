"""Several senders at once: one owner at a time, leases and their ends, slots in common."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import ANY

from deploy.local.sink_behaviours import Settings as SinkSettings
from services.sender.arrivals import Held
from services.sender.destinations.adaptation import Slow, Standing
from services.sender.drain import Drain
from services.sender.endings import Endings
from services.sender.rules import settle_outcome
from services.sender.settings import Settings
from services.sender.smtp.outcomes import Delivered
from services.sender.store.deliveries import Deliveries
from services.sender.store.destinations import Destinations
from services.sender.store.drained import Drained
from shared.contracts.entities import Kind
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.suppressions import SuppressionChange
from shared.kafka.connection import KafkaConnection
from shared.mongo.clock import DatabaseClock
from shared.mongo.erasures import KnownErasures
from shared.secrets import address_hmac
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.local_tools import open_sink
from tests.integration.sender.world import World


async def lapsed(world: World, message: Message, **fields: Any) -> str:
    """A delivery whose holder died: its lease has run out."""
    now = datetime.now(UTC)
    token = f"dead-{message.message_id}"
    await world.deployment.database("sender")["deliveries"].insert_one(
        {
            "_id": message.message_id,
            "workspace_id": message.workspace_id,
            "lane": str(message.lane),
            "pass": 0,
            "attempt": 0,
            "ambiguous": 0,
            "address": "x",
            "arrived_at": now,
            "record": message.encode(),
            "destination": "direct|static:*.test",
            "state": "leased",
            "lease": {"token": token, "until": now - timedelta(seconds=5)},
            **fields,
        }
    )
    return token


async def test_two_senders_deliver_each_message_once_within_the_limit(world: World) -> None:
    limit = 3
    data = {"name": "direct", "kind": "direct", "max_connections": limit}
    await world.know(Kind.TRANSPORT, "direct", data, version=2)
    content = await world.content()
    messages = [await world.message(f"ok+{number}@sink.test", content_id=content) for number in range(60)]
    deliveries = world.deployment.database("sender")["deliveries"]
    destinations = world.deployment.database("sender")["destinations"]
    most = 0

    async def all_ended() -> bool:
        nonlocal most
        async for document in destinations.find({}):
            most = max(most, sum(holder["n"] for holder in document["holders"].values()))
        return await deliveries.count_documents({"state": "ended"}) == len(messages)

    async with world.sender(), world.sender():
        await world.clear(*messages)
        await eventually(all_ended, seconds=40)
    counts = (await world.sink.http.get("/counts")).json()
    assert set(counts["deliveries"].values()) == {1}
    assert len(counts["deliveries"]) == len(messages)
    assert 0 < most <= limit


async def test_processes_share_the_slots_of_a_destination(world: World) -> None:
    database = world.deployment.database("sender")
    one, two, three = (Destinations(database, name, 60) for name in ("one", "two", "three"))

    async def hold(process: Destinations, many: int, limit: int = 10) -> tuple[int, int]:
        grant = (await process.hold({"d": (many, limit)}))["d"]
        return grant.mine, grant.others

    assert await hold(one, 8) == (2, 0)  # what a destination begins with
    assert await one.adapt({"d": (None, Standing(window=20))})
    assert await hold(one, 8) == (8, 0)
    assert await hold(two, 8) == (2, 8)
    assert await hold(three, 1) == (0, 10)
    # what is held is given back by its holder, and by nobody else
    assert await hold(one, 8, limit=5) == (8, 2)
    assert await hold(one, 3, limit=5) == (3, 2)
    assert await hold(one, 8, limit=5) == (3, 2)
    await one.let_go(["d"])
    assert await hold(three, 9) == (8, 2)


async def test_the_first_to_change_a_standing_is_told_so_and_the_others_see_it(world: World) -> None:
    database, began = world.deployment.database("sender"), datetime.now(UTC)
    one, two = (Destinations(database, name, 60) for name in ("one", "two"))
    await one.hold({"d": (1, 10), "e": (1, 10)})
    until = began.replace(microsecond=0) + timedelta(minutes=1)
    slow = Slow(until, 1, 10.0, "451 slowly")
    standing = Standing(window=1, until=until, why="421 {$busy}", slow=slow)
    (version,) = (await one.adapt({"d": (None, standing)})).values()
    assert await two.adapt({"d": (None, Standing(window=5)), "e": (None, Standing(window=4))}) == {"e": ANY}
    found = await two.changed(began)
    assert (found["d"].standing, found["d"].version) == (standing, version)
    assert found["e"].standing.window == 4
    assert (await two.hold({"d": (1, 10)}))["d"].mine == 0  # left alone until then
    assert await two.adapt({"d": (version, Standing(window=5))})
    assert (await two.hold({"d": (9, 10)}))["d"].mine == 4


async def test_a_lease_that_ran_out_before_the_mark_is_sent_by_another(world: World) -> None:
    message = await world.message("ok+dead@sink.test")
    await lapsed(world, message)
    async with world.sender():
        (event,) = await world.events(message, "delivered")
    assert event.attempt == 1
    assert await world.attempts_at_sink("ok+dead@sink.test") == 1


async def test_a_lease_that_ran_out_after_the_mark_is_ambiguous_until_a_late_reply(world: World) -> None:
    message = await world.message("ok+marked@sink.test")
    token = await lapsed(world, message, data_sent=0)
    async with world.sender(ambiguous_delays=[600]):
        (event,) = await world.events(message, "ambiguous")
        assert event.data["policy"] == "retry"
        assert await world.attempts_at_sink("ok+marked@sink.test") == 0
    # the holder was only slow: its peer's reply comes after all
    settings = world.deployment.settings(Settings)
    held = Held(message, token, "direct|static:*.test", 0, 0, None)
    delivered = Delivered(code=250, text="taken")
    settled = settle_outcome(
        message, delivered, datetime.now(UTC), attempt=1, ambiguous=0, schedule=settings.schedule, rng=Random(1),
    )  # fmt: skip
    async with KafkaConnection(settings, "test") as kafka:
        await asyncio.wait_for(kafka.connected.wait(), 20)
        database = world.deployment.database("sender")
        known = KnownErasures(database, world.deployment.shared.pepper_bytes)
        drain = Drain(Drained(database), DatabaseClock(database))
        endings = Endings(Deliveries(database), kafka.publisher, timedelta(days=1), known, drain)
        assert await endings.record(held, settled, None)
        assert not await endings.record(held, settled, None)
    await world.events(message, "ambiguous", "delivered")
    assert (await world.delivery(message))["state"] == "ended"


async def test_who_still_waits_for_the_reply_does_not_call_its_own_delivery_ambiguous(deployment: Deployment) -> None:
    """Its lease ran out all the same, as while MongoDB is away."""
    async with open_sink(settings=SinkSettings(slow_seconds=2)) as sink:
        await outlive_the_lease(await World.create(deployment, sink))


async def outlive_the_lease(world: World) -> None:
    message = await world.message("slow+late@sink.test")
    deliveries = world.deployment.database("sender")["deliveries"]
    marked = {"_id": message.message_id, "data_sent": {"$exists": True}, "state": "leased"}
    lapses = 0

    async def ended() -> bool:
        nonlocal lapses
        until = datetime.now(UTC) - timedelta(seconds=5)
        lapses += (await deliveries.update_one(marked, {"$set": {"lease.until": until}})).modified_count
        return await deliveries.count_documents({"_id": message.message_id, "state": "ended"}) == 1

    async with world.sender(lease_seconds=2):
        await world.clear(message)
        await eventually(ended)
        (event,) = await world.events(message, "delivered")
    assert lapses
    assert event.attempt == 1


async def test_a_flagged_delivery_is_refused_its_mark_and_checked_anew_once(world: World) -> None:
    message = await world.message("someone@sink.test")
    address = address_hmac(world.deployment.shared.pepper_bytes, "someone@sink.test")
    await lapsed(
        world,
        message,
        address=address,
        checked_at=datetime.now(UTC),
        lease={"token": "mine", "until": datetime.now(UTC) + timedelta(seconds=60)},
    )
    deliveries = Deliveries(world.deployment.database("sender"))
    # its clock is an hour ahead of ours
    change = SuppressionChange(
        change_id="c1",
        scope="platform",
        address_hmac=address,
        change="added",
        reason="manual",
        occurred_at=datetime.now(UTC) + timedelta(hours=1),
    )
    async with world.sender():
        await world.change(change)

        async def is_flagged() -> bool:
            return bool((await world.delivery(message)).get("flagged"))

        await eventually(is_flagged)
        assert await deliveries.mark_data_sent([(message.message_id, "mine")]) == [False]
        await deliveries.give_back({message.message_id: "mine"})
        (again,) = await world.returned()
        await world.clear(again.with_changes(route=world.route(), verdict=message.verdict))
        (event,) = await world.events(message, "delivered")
    assert event.pass_ == 1


async def cleared_and_said(world: World, message: Message, type_: str) -> list[Event]:
    await world.clear(message)
    return await world.events(message, type_)
