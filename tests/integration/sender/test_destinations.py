"""Destinations that refuse get less, are left alone, and come back; nothing is attempted meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.sender.destinations.adaptation import Standing
from services.sender.store.destinations import Destinations
from shared.contracts.entities import Kind
from shared.contracts.messages import Message
from tests.fixtures.counting_smtp import CountingHost, Visit, counting
from tests.fixtures.deployment import eventually
from tests.integration.sender.queue_world import waiting
from tests.integration.sender.standing import standing
from tests.integration.sender.test_ownership import lapsed
from tests.integration.sender.world import World

DESTINATION = "direct|static:*.test"


@pytest.fixture
def providers(tmp_path: Path) -> Path:
    """An operator's file; a cooldown ends when a test says so, however slow the machine is."""
    path = tmp_path / "providers.toml"
    path.write_text(
        "[providers.static]\ncooldown_seconds = [600]\n"
        "[[triggers]]\ntext = 'slow down'\nseconds = 600\nmessages_per_minute = 60\n"
    )
    return path


async def many(world: World, host: CountingHost, number: int, **changes: Any) -> list[Message]:
    content = await world.content()
    route = world.route(host.port)
    return [
        await world.message(f"r{place}@sink.test", content_id=content, route=route, **changes)
        for place in range(number)
    ]


async def standing_of(world: World, destination: str = DESTINATION) -> dict[str, Any]:
    found = await world.deployment.database("sender")["destinations"].find_one({"_id": destination})
    return dict((found or {}).get("standing") or {})


async def end_cooldown(world: World) -> None:
    """In a moment; as another process would write it."""
    destinations = Destinations(world.deployment.database("sender"), "other", 60)

    async def written() -> bool:
        grant = (await destinations.find([DESTINATION]))[DESTINATION]
        until = datetime.now(UTC) + timedelta(seconds=0.2)
        return bool(await destinations.adapt({DESTINATION: (grant.version, replace(grant.standing, until=until))}))

    await eventually(written)


async def test_a_storm_of_421_halves_stops_and_comes_back(world: World, providers: Path) -> None:
    """What waited was attempted by nobody while the destination was left alone."""

    def busy(recipient: str, visit: Visit) -> str:
        return "421 4.3.2 too busy"

    deliveries = world.deployment.database("sender")["deliveries"]
    async with counting() as host, world.sender(providers_file=providers, throttle_delays=[600]):
        first = await many(world, host, 60)
        await world.clear(*first)

        async def grown() -> bool:
            return (await standing_of(world)).get("window") == 10 and len(host.taken) == len(first)

        await eventually(grown)
        host.answer = busy
        before = len(host.asked)
        second = await many(world, host, 60, workspace_id="w2")
        await world.clear(*second)

        async def stopped() -> bool:
            return (await standing_of(world)).get("until") is not None

        await eventually(stopped)
        host.answer = lambda recipient, visit: None
        attempts = len(host.asked) - before
        assert 10 <= attempts < len(second)  # how many were under way as it stopped, the machine decides
        found = await standing_of(world)
        assert (found["window"], found["why"]) == (1, "421 4.3.2 too busy")
        still = {"workspace_id": "w2", "state": {"$in": ["waiting", "leased"]}}
        assert await deliveries.count_documents({**still, "attempt": {"$gt": 0}}) == 0
        assert await deliveries.count_documents(still) > 0
        await end_cooldown(world)

        async def come_back() -> bool:
            return await deliveries.count_documents(still) == 0

        await eventually(come_back)

        async def grown_again() -> bool:
            return (await standing_of(world)).get("window", 0) >= 2

        await eventually(grown_again)
    refused = await deliveries.count_documents({"workspace_id": "w2", "state": "deferred"})
    ended = await deliveries.count_documents({"workspace_id": "w2", "state": "ended"})
    assert (refused + ended, refused) == (len(second), len(host.asked) - before - ended)


async def test_who_waits_for_a_destination_that_is_left_alone_is_told_why_and_until_when(world: World) -> None:
    until = datetime.now(UTC) + timedelta(minutes=5)
    long_ago = datetime.now(UTC) - timedelta(seconds=90)
    async with counting() as host:
        message = await world.message(route=world.route(host.port))
        await lapsed(world, message, state="waiting", tell_at=long_ago, arrived_at=long_ago)
        await standing(world, Standing(window=1, until=until, why="421 busy"))
        async with world.sender():
            (event,) = await world.events(message, "queued")
            assert event.data["reason"] == "the destination is left alone after: 421 busy"
            assert datetime.fromisoformat(event.data["next_at"]) - until < timedelta(milliseconds=1)
            assert event.attempt == 0
        assert not host.visits


async def test_what_expires_while_its_destination_is_left_alone_is_checked_anew(world: World) -> None:
    """At its expiry, not when the destination comes back: the router then ends it."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    message = await world.message(expires_at=past)
    await world.deployment.database("sender")["deliveries"].insert_one(waiting(message, expires_at=past))
    until = datetime.now(UTC) + timedelta(minutes=5)
    await standing(world, Standing(window=1, until=until, why="421 busy"))
    async with world.sender():
        (again,) = await world.returned()
    assert (again.message_id, again.pass_, again.attempt) == (message.message_id, 1, 0)
    assert await world.attempts_at_sink(message.recipient) == 0


async def test_a_text_of_the_table_lowers_the_rate_for_all(world: World, providers: Path) -> None:
    def once(recipient: str, visit: Visit) -> str | None:
        return "451 4.7.1 please slow down" if recipient == "r0@sink.test" else None

    async with counting(answer=once) as host, world.sender(providers_file=providers, throttle_delays=[600]):
        messages = await many(world, host, 4)
        await world.clear(messages[0])
        await world.events(messages[0], "deferred")
        await eventually(lambda: standing_of(world))
        await world.clear(*messages[1:])

        async def taken() -> bool:
            return len(host.taken) == 3

        await eventually(taken)
    slow = (await standing_of(world))["slow"]
    assert (slow["connections"], slow["messages_per_minute"]) == (1, 60)
    times = [at for at, recipient, _ in host.asked if recipient != "r0@sink.test"]
    # one at once, and then one a second: what is never sooner is no matter of the machine's speed
    assert times[-1] - times[0] > 1.8


async def test_a_rate_of_the_table_is_kept(world: World, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[providers.static]\nmessages_per_second = 4\n")
    async with counting() as host, world.sender(providers_file=path):
        messages = await many(world, host, 10)
        await world.clear(*messages)

        async def taken() -> bool:
            return len(host.taken) == len(messages)

        await eventually(taken)
    assert host.asked[-1][0] - host.asked[0][0] > (len(messages) - 4 - 1) / 4


async def test_a_domain_of_the_table_shares_no_connection_with_others(world: World, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[domains."one.test"]\nconnections = 1\n')
    await world.know(Kind.TRANSPORT, "direct", {"name": "direct", "kind": "direct"}, version=2)
    async with counting(dot_seconds=0.02) as host, world.sender(providers_file=path):
        content, route = await world.content(), world.route(host.port)
        addresses = [f"r{number}@{domain}" for number in range(10) for domain in ("one.test", "two.test")]
        await world.clear(*[await world.message(each, content_id=content, route=route) for each in addresses])

        async def taken() -> bool:
            return len(host.taken) == len(addresses)

        await eventually(taken)
    ones = [visit for visit in host.visits if visit.recipients and visit.recipients[0].endswith("@one.test")]
    assert len(ones) == 1
    assert all(each.endswith("@one.test") for each in ones[0].recipients)


async def test_a_stand_in_goes_back_to_the_router_and_takes_no_slot(world: World) -> None:
    message = await world.message(route=world.route(hosts=[], rollup="d:sink.test", stand_in=True))
    async with world.sender():
        await world.clear(message)
        (again,) = await world.returned()
    assert (again.pass_, again.attempt, again.route) == (1, 0, None)
    assert await world.deployment.database("sender")["destinations"].count_documents({}) == 0
