"""Source addresses: bound, named, kept by a message, and warmed up by plan."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.sender.destinations.warmup import Source, choose, tomorrow
from services.sender.store.warmups import DayCounts
from shared.contracts.entities import Kind
from shared.contracts.messages import Candidate, Host, Message
from tests.fixtures.counting_smtp import CountingHost, Visit, counting
from tests.fixtures.deployment import eventually
from tests.fixtures.dns_server import NameServer, Says
from tests.integration.sender.world import World

ONE, TWO = "127.0.0.2", "127.0.0.3"


async def with_sources(world: World, *sources: dict[str, Any], version: int = 2) -> None:
    data = {"name": "direct", "kind": "direct", "ehlo_name": "all.test", "sources": list(sources)}
    await world.know(Kind.TRANSPORT, "direct", data, version=version)


def capped(address: str, cap: int) -> dict[str, Any]:
    """A source in the first days of its warm-up."""
    started = (datetime.now(UTC) - timedelta(days=1)).date()
    return {"address": address, "warmup": {"started_on": started.isoformat(), "daily_caps": [cap, cap, cap]}}


async def many(world: World, host: CountingHost, number: int, name: str = "r") -> list[Message]:
    content, route = await world.content(), world.route(host.port)
    return [await world.message(f"{name}{place}@sink.test", content_id=content, route=route) for place in range(number)]


async def all_taken(host: CountingHost, number: int) -> None:
    async def taken() -> bool:
        return len(host.taken) == number

    await eventually(taken)


def by_peer(host: CountingHost) -> Counter[str]:
    return Counter(visit.peer for _, _, visit in host.asked)


async def test_each_source_is_bound_and_says_its_own_name(world: World) -> None:
    await with_sources(world, {"address": ONE, "ehlo_name": "one.test"}, {"address": TWO})
    async with counting() as host, world.sender():
        messages = await many(world, host, 30)
        await world.clear(*messages)
        await all_taken(host, len(messages))
        (event,) = await world.events(messages[0], "delivered")
    names = {visit.peer: visit.name for visit in host.visits}
    assert names == {ONE: "one.test", TWO: "all.test"}
    expected = {each.recipient: choose(each.message_id, [Source(ONE), Source(TWO)], ()) for each in messages}
    assert all(expected[recipient] == Source(visit.peer) for _, recipient, visit in host.asked)
    assert event.data["source"] == next(visit.peer for _, to, visit in host.asked if to == messages[0].recipient)
    ids = await world.deployment.database("sender")["destinations"].distinct("_id")
    assert set(ids) == {f"direct|static:*.test|{address}" for address in (ONE, TWO)}


async def test_a_greylisted_message_comes_again_from_the_same_source(world: World) -> None:
    await with_sources(world, *({"address": f"127.0.0.{number}"} for number in range(2, 8)))
    known: set[tuple[str, str]] = set()

    def greylist(recipient: str, visit: Visit) -> str | None:
        if (recipient, visit.peer) in known:
            return None
        known.add((recipient, visit.peer))
        return "450 4.7.1 greylisted"

    async with counting(answer=greylist) as host, world.sender():
        messages = await many(world, host, 8)
        await world.clear(*messages)
        again = await world.returned(at_least=len(messages))
        verdict = messages[0].verdict
        await world.clear(*[each.with_changes(route=world.route(host.port), verdict=verdict) for each in again])
        await all_taken(host, len(messages))
    assert len(host.asked) == 2 * len(messages)
    assert len(by_peer(host)) > 1


async def test_a_source_that_has_sent_its_share_spills_over_and_a_restart_gives_it_no_more(world: World) -> None:
    cap = 3
    await with_sources(world, capped(ONE, cap), {"address": TWO})
    async with counting() as host:
        for turn in range(2):
            async with world.sender(lease_seconds=30):  # what a lost lease repeats is another test's
                messages = await many(world, host, 20, name=f"turn{turn}-")
                await world.clear(*messages)
                handed: set[str] = set()

                async def routed(turn: int = turn, handed: set[str] = handed) -> bool:
                    """Is the router: what comes back goes on."""
                    back = [each for each in await world.returned(at_least=0) if each.message_id not in handed]
                    verdict = messages[0].verdict  # noqa: B023
                    await world.clear(
                        *[each.with_changes(route=world.route(host.port), verdict=verdict) for each in back]
                    )
                    handed |= {each.message_id for each in back}
                    return len(host.taken) == 20 * (turn + 1)

                await eventually(routed)
    assert by_peer(host) == {ONE: cap, TWO: 40 - cap}
    assert set(host.taken.values()) == {1}


async def placed(world: World, message: Message) -> str:
    """`deferred` until tomorrow where its process knows that all is sent; `released` where that was found out at its
    turn: it is placed anew."""
    found = await world.delivery(message)
    tomorrows = found.get("state") == "deferred" and found["due_at"] > datetime.now(UTC) + timedelta(seconds=5)
    return str(found["state"]) if tomorrows or found.get("state") == "released" else ""


async def test_where_every_source_has_sent_its_share_the_next_transport_or_tomorrow_comes(world: World) -> None:
    await with_sources(world, capped(ONE, 1))
    async with counting() as host, world.sender():
        first, waits, moves = await many(world, host, 3)
        await world.clear(first)
        await world.events(first, "delivered")
        await world.clear(waits)
        if await eventually(lambda: placed(world, waits)) == "released":
            (again,) = await world.returned()
            await world.clear(again.with_changes(route=world.route(host.port), verdict=waits.verdict))
        (event,) = await world.events(waits, "queued")
        candidates = [
            Candidate(transport=name, name=name, kind="direct", score=score, lost=lost)
            for name, score, lost in (("direct", 1, None), ("off", 0, "disabled"), ("other", 0.5, "another was taken"))
        ]
        await world.clear(moves.with_changes(route=world.route(host.port, candidates=candidates)))

        async def released() -> list[Message]:
            return [each for each in await world.returned() if each.message_id == moves.message_id]

        (moved,) = await eventually(released)
    assert event.data["reason"].startswith("warm-up")
    assert datetime.fromisoformat(event.data["next_at"]) == tomorrow(event.occurred_at)
    assert (await world.delivery(waits))["attempt"] == 0
    assert moved.last is not None
    assert (moved.last.transport, moved.last.scope, moved.last.full) == ("direct", "transport", ["direct"])
    assert moved.attempt == 0
    assert len(host.asked) == 1


async def test_a_source_that_the_transport_lost_is_left_for_another(world: World) -> None:
    await with_sources(world, {"address": ONE})
    async with counting() as host:
        message = (await many(world, host, 1))[0]
        await world.clear(message)
        await with_sources(world, {"address": TWO}, version=3)
        async with world.sender(), counting():
            await all_taken(host, 1)
    assert by_peer(host) == {TWO: 1}


async def test_a_host_of_one_family_is_dialled_from_a_source_of_that_family(world: World) -> None:
    await with_sources(world, {"address": ONE}, {"address": "::1"})
    async with counting() as host, world.sender():
        messages = await many(world, host, 12)
        of_six = [each for each in messages if choose(each.message_id, [Source(ONE), Source("::1")], ()) != Source(ONE)]
        await world.clear(*messages)
        again = await world.returned(at_least=len(of_six))
        route, verdict = world.route(host.port), messages[0].verdict
        await world.clear(*[each.with_changes(route=route, verdict=verdict) for each in again])
        await all_taken(host, len(messages))
        delivered = [await world.delivery(each) for each in messages]
    assert {each.message_id for each in again} == {each.message_id for each in of_six}
    assert by_peer(host) == {ONE: len(messages)}
    assert {each["attempt"] for each in delivered} <= {0, 1}
    standings = world.deployment.database("sender")["destinations"]
    assert await standings.count_documents({"standing.until": {"$ne": None}}) == 0


async def test_an_ipv6_source_reaches_ipv6_hosts_whatever_the_setting_says(world: World, names: NameServer) -> None:
    names.says("six.test", Says(["six.test. 300 AAAA ::1"]))
    await with_sources(world, {"address": "::1"})
    async with counting(address="::1") as host, world.sender(nameservers=[names.address]):
        message = (await many(world, host, 1))[0]
        route = world.route(hosts=[Host(name="six.test", port=host.port)])
        await world.clear(message.with_changes(route=route))
        await all_taken(host, 1)
    assert by_peer(host) == {"::1": 1}


async def test_a_days_count_is_exact_over_processes(world: World) -> None:
    database, day = world.deployment.database("sender"), (ONE, date(2026, 11, 22))
    one, two = DayCounts(database), DayCounts(database)
    assert await one.take({day: (4, 10)}) == {day: (4, 4)}
    assert await two.take({day: (4, 10)}) == {day: (4, 8)}
    assert await one.take({day: (4, 10)}) == {day: (2, 10)}
    assert await two.take({day: (4, 10)}) == {day: (0, 10)}
    await one.give_back({day: 3})
    assert await two.take({day: (4, 10)}) == {day: (3, 10)}
    assert await two.take({(ONE, date(2026, 11, 23)): (1, 10)}) == {(ONE, date(2026, 11, 23)): (1, 1)}
