"""A day's cap, taken in blocks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from services.sender.destinations.warmup import Source
from services.sender.destinations.warmups import Warmups
from services.sender.store.warmups import DayCounts
from shared.mongo.clock import DatabaseClock
from tests.fixtures.deployment import Deployment

ADDRESS = "127.0.0.2"


async def test_a_block_that_is_asked_for_again_on_its_way_is_used_before_the_source_is_full(
    deployment: Deployment,
) -> None:
    await deployment.prepare("sender")
    database = deployment.database("sender")
    warmups = Warmups(DayCounts(database), DatabaseClock(database))
    warmups.know([Source(ADDRESS, started_on=datetime.now(UTC).date(), caps=(1, 1, 1))])
    assert warmups.wait(ADDRESS) > 0
    on_its_way = asyncio.create_task(warmups.fetch())
    await asyncio.sleep(0)
    assert warmups.wait(ADDRESS) > 0
    await on_its_way
    await warmups.fetch()
    assert not warmups.is_full(ADDRESS)
    assert warmups.wait(ADDRESS) == 0
    warmups.take(ADDRESS)
    assert warmups.wait(ADDRESS) > 0
    await warmups.fetch()
    assert warmups.is_full(ADDRESS)
