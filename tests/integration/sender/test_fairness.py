"""A flood of one workspace stops neither another workspace nor the critical lane."""

from __future__ import annotations

from shared.contracts.topics import Lane, Stream
from shared.telemetry import metrics
from tests.fixtures.deployment import eventually
from tests.integration.sender.world import World


async def test_a_flood_lets_another_workspace_and_the_critical_lane_through(world: World) -> None:
    content = await world.content()
    flood = [await world.message(f"slow+{number}@sink.test", content_id=content) for number in range(300)]
    other = await world.message("ok+other@sink.test", workspace_id="w2")
    urgent = await world.message("ok+urgent@sink.test", lane=Lane.CRITICAL, stream=Stream.SECURITY)
    deliveries = world.deployment.database("sender")["deliveries"]

    async def flooded() -> bool:
        return await deliveries.count_documents({"workspace_id": "w1"}) == len(flood)

    async with world.sender():
        await world.clear(*flood)
        await eventually(flooded)
        await world.clear(other, urgent)
        await world.events(other, "delivered")
        await world.events(urgent, "delivered")
        assert await deliveries.count_documents({"workspace_id": "w1", "state": "waiting"}) > 0


def taken(by: str) -> float:
    return metrics.TAKEN.labels(by)._value.get()


async def test_a_burst_to_a_quick_host_begins_as_room_comes_and_waits_in_no_database(world: World) -> None:
    """Far more than may be held at once (`held_per_connection` of ten connections)."""
    content = await world.content()
    burst = [await world.message(f"ok+{number}@sink.test", content_id=content) for number in range(300)]
    deliveries = world.deployment.database("sender")["deliveries"]

    async def ended() -> bool:
        return await deliveries.count_documents({"state": "ended"}) == len(burst) + 1

    first = await world.message("ok+first@sink.test", content_id=content)
    before = taken("arrival")
    async with world.sender():
        await world.clear(first)
        await world.events(first, "delivered")
        await world.clear(*burst)
        await eventually(ended)
    assert taken("arrival") - before > 48  # of which 32 may be held at once


async def test_a_burst_to_a_slow_host_is_put_aside_and_claimed(world: World) -> None:
    content = await world.content()
    burst = [await world.message(f"slow+{number}@sink.test", content_id=content) for number in range(100)]
    deliveries = world.deployment.database("sender")["deliveries"]

    async def put_aside() -> bool:
        return await deliveries.count_documents({}) == len(burst)

    async with world.sender():
        await world.clear(*burst)
        await eventually(put_aside)
        assert await deliveries.count_documents({"state": "waiting"}) > 0
