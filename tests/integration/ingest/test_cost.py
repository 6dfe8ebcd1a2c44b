"""What one request costs and what it leaves behind: MongoDB operations, metrics, logs."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase
from prometheus_client import REGISTRY

from tests.fixtures.deployment import eventually
from tests.integration.ingest.conftest import Door, send


async def operations(database: AsyncIOMotorDatabase) -> Counter[str]:
    """What MongoDB's profiler saw, without the tail of the changes and what sets the profiler."""
    found: Counter[str] = Counter()
    async for entry in database["system.profile"].find({"ns": {"$not": {"$regex": "entity_changes|system.profile"}}}):
        if entry["op"] != "command" or "profile" not in entry.get("command", {}):
            found[f"{entry['op']} {entry['ns'].partition('.')[2]}"] += 1
    return found


async def profiled(door: Door, body: dict[str, Any], times: int = 1) -> Counter[str]:
    databases = [door.deployment.database(name) for name in ("ingest", "content")]
    for database in databases:
        await database.command("profile", 0)
        await database["system.profile"].drop()
        await database.command("profile", 2)
    replies = await asyncio.gather(*(door.post(body) for _ in range(times)))
    assert {reply.status_code for reply in replies} == {202}
    for database in databases:
        await database.command("profile", 0)
    return sum([await operations(database) for database in databases], Counter())


async def test_a_request_is_two_inserts_and_nothing_else(door: Door) -> None:
    """The first requests fill the process's memory; from then on nothing is read."""
    body = send(to=[f"r{number}@example.test" for number in range(20)], bcc=["b@example.test"])

    async def only_two() -> bool:
        return await profiled(door, body) == {"insert submissions": 1, "insert contents": 1}

    await eventually(only_two, every=0.2)


async def test_concurrent_requests_share_their_inserts(door: Door) -> None:
    await door.post(send())
    seen = await profiled(door, send(), times=60)
    assert seen["insert submissions"] <= 20
    assert len(await door.submissions()) == 61


async def test_metrics_count_messages_accepted_and_requests_refused(door: Door) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"posthorn_{name}_total", {**labels, "door": "rest"}) or 0

    watched = [
        ("accepted", {"lane": "standard"}),
        ("accepted", {"lane": "critical"}),
        ("refused", {"code": "invalid_request"}),
        ("refused", {"code": "unauthorized"}),
        ("refused", {"code": "malformed_json"}),
    ]
    before = [value(name, **labels) for name, labels in watched]
    await door.post(send(to=["a@b.test", "c@b.test"]), headers={"Idempotency-Key": "k"})
    await door.post(send(to=["a@b.test", "c@b.test"]), headers={"Idempotency-Key": "k"})
    await door.post(send(stream="security"))
    await door.post(send(subject=""))
    await door.post(send(), headers={"Authorization": "Bearer nobody"})
    await door.post(content=b"{", headers={"content-type": "application/json"})
    after = [value(name, **labels) for name, labels in watched]
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 1, 1, 1, 1]


async def test_logs_show_nothing_of_a_message(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    secrets = {"subject": "code 482910", "html": "<p>secret body</p>", "to": ["private@example.test"]}
    await door.post(send(**secrets, metadata={"a": "hidden"}))
    await door.post(send(**{**secrets, "to": ["private@@example.test"]}))
    shown = "".join(capfd.readouterr())
    assert not any(text in shown for text in ("482910", "secret body", "private@", "hidden", door.key))
