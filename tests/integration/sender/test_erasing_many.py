"""A person with very many deliveries: they are erased a little at a time, while others' mail goes out."""

from __future__ import annotations

from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorCollection

from tests.fixtures.deployment import eventually
from tests.fixtures.erasures import an_erase, ask, confirmed
from tests.fixtures.grep import spellings, stored_with
from tests.fixtures.many import AT_ONCE, FORMS, largest_read
from tests.fixtures.messages import a_message
from tests.integration.sender.persons import ended, waiting
from tests.integration.sender.world import World

ANN = "ann.person@erase.test"
QUICK = {"erasure_settle_seconds": 0.5, "sweep_seconds": 0.2, "standard_wait_ms": 10, "session_timeout_ms": 6000}
SEEDED = 1000


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("count", FORMS)
async def test_many_deliveries_are_erased_a_little_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Half of them have ended, half wait."""
    deployment = world.deployment
    deliveries = deployment.database("sender")["deliveries"]
    for _ in range(0, count, SEEDED // 2):
        pairs = [(ended(deployment, a_message(ANN)), waiting(deployment, a_message(ANN))) for _ in range(SEEDED // 4)]
        await deliveries.insert_many([each for pair in pairs for each in pair])
    most = largest_read(monkeypatch)
    known = deployment.database("sender")["known_erasures"]
    async with world.sender(**QUICK):
        erase = an_erase(deployment, ANN, "w1")
        await ask(deployment, erase)
        await eventually(lambda: known.count_documents({"lease": {"$exists": True}}), what="the pass")
        other = await world.message("ok@sink.test")
        await world.clear(other)
        await world.events(other, "delivered")
        word = await confirmed(deployment, erase, "sender", seconds=count / 20 + 30)
        assert word.counts == {"deliveries": count, "canceled": count // 2, "returns": 0}
        canceled = {"last_event": {"$exists": True}, "unpublished": {"$exists": True}}
        await eventually(lambda: _none(deliveries, canceled), seconds=count / 20 + 30, what="the ends to be told")
    assert await stored_with(deployment.client, deployment.prefix, spellings(ANN)) == []
    assert most[0] <= AT_ONCE


async def _none(collection: AsyncIOMotorCollection, condition: dict[str, Any]) -> bool:
    return not await collection.count_documents(condition)
