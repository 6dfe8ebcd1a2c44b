"""Each service is killed in the middle of an erasure: the next process ends it, and says so once."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from motor.motor_asyncio import AsyncIOMotorCollection

from shared.contracts.commands import Asked
from shared.contracts.topics import COMMANDS, LIVE, STAGE_REPORTS
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.erasures import an_erase, ask, confirmed
from tests.fixtures.grep import spellings, stored_with
from tests.fixtures.real_process import running
from tests.integration.ingest import persons as of_ingest
from tests.integration.sender import persons as of_sender
from tests.integration.suppression import persons as of_suppression
from tests.integration.webhooks import persons as of_webhooks

Seed = Callable[[Deployment, str], Awaitable[None]]
ANN = "ann.person@erase.test"
QUICK = {"erasure_settle_seconds": 0.3, "sweep_seconds": 0.2, "standard_wait_ms": 10}
PARTS: dict[str, tuple[str, Seed | None, dict[str, int]]] = {
    "ingest": ("relay", of_ingest.everything, of_ingest.COUNTS),
    "router": ("route", None, {}),
    "suppression": ("check", of_suppression.everything, of_suppression.COUNTS),
    "sender": ("deliver", of_sender.everything, of_sender.COUNTS),
    "webhooks": ("dispatch", lambda deployment, address: of_webhooks.told(deployment, address, 3), of_webhooks.COUNTS),
}
SHORT = ("ingest", "erasures.part@2")
POINTS = ("erasures.part@1", "erasures.part@2", "erasures.redacted@1", "erasures.redacted@2", "outbox.published@1")
# The router keeps nothing, and publishes a transport before any erasure. The sender's first pass waits for the end of
# the mail on its way, which takes longer than to settle: the second pass is its last.
UNREACHED = {
    ("router", "erasures.part@1"),
    ("router", "erasures.part@2"),
    ("router", "outbox.published@1"),
    ("sender", "erasures.redacted@2"),
}
KILLS = [
    pytest.param(service, point, marks=() if (service, point) == SHORT else pytest.mark.verify)
    for service in PARTS
    for point in POINTS
    if (service, point) not in UNREACHED
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("service", "point"), KILLS)
async def test_a_kill_within_an_erasure_is_made_good(
    deployment: Deployment, tmp_path: Path, service: str, point: str
) -> None:
    role, seed, counts = PARTS[service]
    await deployment.prepare(service, topics=(*LIVE, STAGE_REPORTS))
    if seed is not None:
        await seed(deployment, ANN)
        assert await stored_with(deployment.client, deployment.prefix, spellings(ANN))
    known = deployment.database(service)["known_erasures"]
    name, _, nth = point.partition("@")
    erase = an_erase(deployment, ANN, "w1")
    armed = QUICK | {"failpoints": f"{name}=kill@{nth}"}
    async with running(deployment, f"{service}:{role}", tmp_path / "killed.log", **armed) as process:
        await ask(deployment, erase)
        await eventually(lambda: _gone(process.pid), seconds=60, what="the kill")
    await known.update_many({"lease": {"$exists": True}}, [{"$set": {"lease.until": "$heard_at"}}])
    async with running(deployment, f"{service}:{role}", tmp_path / "again.log", **QUICK):
        assert (await confirmed(deployment, erase, service, seconds=60)).counts == counts
        await eventually(lambda: _settled(known), what="the mark to be cleared")
        words = [Asked.decode(record.value).erased for record in await deployment.records(COMMANDS)]
        assert len({word.encode() for word in words if word}) == 1
    assert await stored_with(deployment.client, deployment.prefix, spellings(ANN)) == []


async def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def _settled(known: AsyncIOMotorCollection) -> bool:
    return not await known.count_documents({"$or": [{"unpublished": {"$exists": True}}, {"due_at": {"$exists": True}}]})
