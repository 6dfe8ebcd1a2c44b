"""A message that a rule of the router's moves to the other lane: its retries go there, and it is tried once a pass."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.contracts.messages import Verdict, VerdictKind
from shared.contracts.topics import Lane
from tests.integration.sender.world import World

PERSON = "tempfail@sink.test"


async def test_a_message_that_changes_its_lane_is_taken_once_a_pass_whatever_is_read_again(world: World) -> None:
    first = await world.message(PERSON)
    way = {"route": first.route, "verdict": first.verdict}
    expired = Verdict(kind=VerdictKind.EXPIRED, reason="expired", by="router", checked_at=datetime.now(UTC))
    async with world.sender():
        await world.clear(first)
        second = (await world.returned(Lane.STANDARD))[0].with_changes(lane=Lane.CRITICAL, **way)
        await world.clear(second, first)
        third = (await world.returned(Lane.CRITICAL))[0]
        assert (third.lane, third.pass_, third.attempt) == (Lane.CRITICAL, 2, 2)
        assert (await world.delivery(first))["lane"] == "critical"
        await world.clear(first, second)
        await world.clear(third.with_changes(route=None, verdict=expired))
        events = await world.events(first, "failed")
        await world.clear(first, second, third.with_changes(**way))
        # what comes behind them is delivered: they have been read
        behind = [await world.message(f"ok+{lane}@sink.test", lane=lane) for lane in Lane]
        await world.clear(*behind)
        for one in behind:
            await world.events(one, "delivered")
    assert [str(event.type) for event in events] == ["deferred", "deferred", "failed"]
    assert [event.lane for event in events] == [Lane.STANDARD, Lane.CRITICAL, Lane.CRITICAL]
    assert await world.attempts_at_sink(PERSON) == 2
    assert len(await world.returned(Lane.STANDARD)) == len(await world.returned(Lane.CRITICAL)) == 1
