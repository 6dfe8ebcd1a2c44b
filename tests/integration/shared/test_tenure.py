"""A named lease: one holder at a time, until it lets go or falls silent."""

from __future__ import annotations

import asyncio

from shared.mongo.due import Tenure
from tests.fixtures.deployment import Deployment, eventually


async def test_one_holds_at_a_time(deployment: Deployment) -> None:
    tenures = [Tenure(deployment.database("ingest"), "relay.critical", 60) for _ in range(8)]
    held = await asyncio.gather(*(tenure.hold() for tenure in tenures))
    assert sum(held) == 1
    assert await asyncio.gather(*(tenure.hold() for tenure in tenures)) == held, "the holder renews, the others wait"
    first = tenures[held.index(True)]
    other = tenures[held.index(False)]
    await other.release()
    assert await first.hold(), "who does not hold it cannot let it go"
    await first.release()
    assert await other.hold()
    assert not await first.hold()


async def test_a_silent_holder_loses_it(deployment: Deployment) -> None:
    silent, other = (Tenure(deployment.database("ingest"), "sweeper", 0.3) for _ in range(2))
    assert await silent.hold()
    assert not await other.hold()
    await eventually(other.hold)
    assert await Tenure(deployment.database("ingest"), "another", 60).hold(), "each name by itself"
