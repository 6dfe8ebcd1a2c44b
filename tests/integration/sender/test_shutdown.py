"""Leaving a sender in the middle of its work: nothing after the dot is cut, and nothing is lost."""

from __future__ import annotations

from tests.fixtures.deployment import eventually
from tests.integration.sender.world import World


async def test_what_is_under_way_ends_and_what_has_not_begun_is_given_back(world: World) -> None:
    content = await world.content()
    messages = [await world.message(f"slow+{number}@sink.test", content_id=content) for number in range(60)]
    deliveries = world.deployment.database("sender")["deliveries"]

    async def some_ended() -> bool:
        return await deliveries.count_documents({"state": "ended"}) > 0

    async with world.sender():
        await world.clear(*messages)
        await eventually(some_ended)
    ended = await deliveries.count_documents({"state": "ended"})
    assert 0 < ended < len(messages)
    assert await deliveries.count_documents({"state": "leased"}) == 0
    assert await deliveries.count_documents({"unpublished": {"$exists": True}}) == 0

    async def all_ended() -> bool:
        return await deliveries.count_documents({"state": "ended"}) == len(messages)

    async with world.sender():
        await eventually(all_ended, seconds=40)
    counts = (await world.sink.http.get("/counts")).json()
    assert set(counts["deliveries"].values()) == {1}
    assert len(counts["deliveries"]) == len(messages)
    assert await deliveries.count_documents({"last_type": "ambiguous"}) == 0
