"""A connection that ends while it is still being made leaves nothing running."""

from __future__ import annotations

import asyncio

import pytest

from shared.contracts.suppressions import SuppressionChange
from shared.contracts.topics import SUPPRESSION_CHANGES
from shared.kafka.batch import BatchConsumer, Incoming
from shared.kafka.connection import KafkaConnection
from shared.kafka.fetching import Fetching
from shared.telemetry.tracing import Tracing
from tests.fixtures.deployment import Deployment, eventually


async def ignore(batch: list[Incoming[SuppressionChange]]) -> None:
    """Takes anything."""


@pytest.mark.parametrize("moment", [number * 0.004 for number in range(12)])
async def test_who_stops_while_it_starts_leaves_no_task(deployment: Deployment, moment: float) -> None:
    await deployment.prepare(topics=(SUPPRESSION_CHANGES,))
    before = asyncio.all_tasks()
    kafka = KafkaConnection(deployment.shared, "test")
    for name in ("one", "two"):
        kafka.attach(
            BatchConsumer(
                name,
                {SUPPRESSION_CHANGES: SuppressionChange},
                ignore,
                settings=deployment.shared,
                publisher=kafka.publisher,
                tracing=Tracing(deployment.shared, "test"),
                fetching=Fetching(wait_ms=10, min_bytes=1, records=100),
            )
        )
    async with kafka:
        await asyncio.sleep(moment)  # where the start is then is what is tried, not what is waited for
        await kafka.stop_consuming()

    async def alone() -> bool:
        return asyncio.all_tasks() <= before

    try:
        await eventually(alone, seconds=10, what="the end of every task")
    except AssertionError:
        pytest.fail(f"still there: {asyncio.all_tasks() - before}")
