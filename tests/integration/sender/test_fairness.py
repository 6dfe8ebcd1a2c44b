"""A flood of one workspace stops neither another workspace nor the critical lane."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.contracts.topics import Lane, Stream
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.local_tools import open_sink
from tests.integration.sender.world import World


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[World]:
    async with open_sink() as sink:
        yield await World.create(deployment, sink)


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
