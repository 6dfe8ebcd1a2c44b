"""Erasures that take longer than a lease: one process does a pass, however many there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.contracts.topics import COMMANDS
from shared.erasing import Counts, Erasing, Note
from shared.mongo.erasures import COLLECTION, Erasure, ErasureLog
from shared.service import Base
from shared.settings import SharedSettings
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.erasures import an_erase

LEASE = 0.3


class Slow:
    """A part whose passes last until they are let go."""

    def __init__(self) -> None:
        self.begun, self.ended = 0, 0
        self.let_go = asyncio.Event()

    async def erase(self, erasure: Erasure, note: Note) -> Counts:
        self.begun += 1
        await self.let_go.wait()
        self.ended += 1
        return {"things": 3}


@pytest.fixture
async def base(deployment: Deployment) -> AsyncIterator[Base]:
    await deployment.prepare("webhooks", topics=(COMMANDS,))
    made = Base("webhooks", deployment.settings(SharedSettings, erasure_settle_seconds=1e-9), ())
    yield made
    made.client.close()


async def test_a_pass_that_is_longer_than_its_lease_is_done_once(deployment: Deployment, base: Base) -> None:
    first, second = Slow(), Slow()
    known = deployment.database("webhooks")[COLLECTION]
    erase = an_erase(deployment, "ann@erase.test", "w1")
    await ErasureLog(base.database).hear([erase])
    mine, theirs = Erasing(base, first.erase, LEASE), Erasing(base, second.erase, LEASE)
    work = asyncio.create_task(mine.work())
    await eventually(lambda: known.count_documents({"lease": {"$exists": True}}), what="the pass")
    begun: dict[str, Any] | None = await known.find_one({})
    assert begun is not None
    over = {"$expr": {"$gt": ["$$NOW", begun["lease"]["until"]]}}
    await eventually(lambda: known.count_documents(over), what="the end of the lease that it began with")
    assert not await theirs.work()
    first.let_go.set()
    assert await work
    found = await known.find_one({})
    assert found is not None
    assert (first.begun, first.ended, second.begun) == (1, 1, 0)
    assert ("ended_at" in found, found["counts"]) == (True, {"things": 3})


async def test_a_pass_that_somebody_else_has_taken_over_is_given_up(deployment: Deployment, base: Base) -> None:
    slow = Slow()
    known = deployment.database("webhooks")[COLLECTION]
    await ErasureLog(base.database).hear([an_erase(deployment, "ann@erase.test", "w1")])
    work = asyncio.create_task(Erasing(base, slow.erase, LEASE).work())
    await eventually(lambda: known.count_documents({"lease": {"$exists": True}}), what="the pass")
    await known.update_one({}, {"$set": {"lease.token": "another's"}})
    assert await work
    found = await known.find_one({})
    assert found is not None
    assert (slow.begun, slow.ended, found["lease"]["token"]) == (1, 0, "another's")
    assert "counts" not in found
