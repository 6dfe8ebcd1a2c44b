"""How fast a queue drains, counted by every process and read by workspace and lane."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from services.sender.store.drained import KEPT, SLOT_SECONDS, Drained
from tests.fixtures.console import words
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.sender.console.conftest import Console


async def test_what_all_processes_ended_within_the_last_minute_is_the_rate(deployment: Deployment) -> None:
    await deployment.prepare("sender")
    slot = int(datetime.now(UTC).timestamp()) // SLOT_SECONDS
    now = datetime.fromtimestamp(slot * SLOT_SECONDS + 5, UTC)  # what is read is 65 seconds long
    counts = {("w1", "critical"): 10, ("w1", "standard"): 1, ("w2", "critical"): 500}
    one, other = (Drained(deployment.database("sender")) for _ in range(2))
    await asyncio.gather(
        *(each.add(counts, now) for each in (one, other)),
        one.add({("w1", "critical"): 32}, now - timedelta(seconds=60)),
        one.add({("w1", "critical"): 999}, now - timedelta(seconds=60 + SLOT_SECONDS)),
    )
    assert await one.per_second("w1", now) == {"critical": 52 / 65, "standard": 2 / 65}
    assert await one.per_second("w3", now) == {"critical": 0, "standard": 0}
    document = await deployment.database("sender")["drained"].find_one()
    assert document is not None
    assert document["purge_at"] <= now + KEPT


async def test_what_is_delivered_is_counted_and_what_is_deferred_is_not(console: Console) -> None:
    world = console.world
    delivered, deferred = await world.message("ok+drains@sink.test"), await world.message("tempfail+stays@sink.test")
    drained = Drained(world.deployment.database("sender"))
    async with world.sender(retry_delays=[600]):
        await world.clear(delivered, deferred)
        await world.events(delivered, "delivered")
        await world.events(deferred, "deferred")

        async def counted() -> float:
            return (await drained.per_second("w1", datetime.now(UTC)))["standard"]

        rate = await eventually(counted, what="the count of what was delivered")
    assert 1 / 71 < rate < 1 / 59
    visitor = await console.enter(console.queue.first.token)

    async def drains() -> bool:
        page = words(await visitor.get("/console/queue"))
        return "Billing and product mail drains normally" in page and "1 deferred until the next attempt" in page

    await eventually(drains)
