"""Daily quotas over several processes on one database: never more than the limit, never less than is left of it."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.accounts.quota import PARTS, Quota
from services.ingest.store.quota import COLLECTION, QuotaLeases
from shared.errors import ProblemError
from tests.fixtures.deployment import Deployment

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)


async def taken(quota: Quota, workspace: str, limit: int, count: int) -> int:
    """How many were counted: `count` or none."""
    try:
        await quota.take(workspace, limit, count)
    except ProblemError as problem:
        if problem.code != "quota_exceeded":
            raise
        return 0
    return count


async def test_never_more_than_the_limit_and_never_less_than_what_others_left(deployment: Deployment) -> None:
    leases = QuotaLeases(deployment.database("ingest"))
    loop = asyncio.get_running_loop()

    async def example(limit: int, block: int, requests: list[tuple[int, int]]) -> None:
        workspace = os.urandom(8).hex()
        processes = [Quota(leases, block, lambda: NOON) for _ in range(3)]
        counts = await asyncio.gather(*(taken(processes[each], workspace, limit, count) for each, count in requests))
        assert sum(counts) <= limit
        # whoever asks for ever less gets all that the others do not hold
        for count in (1024, 128, 16, 4, 1):
            while await taken(processes[0], workspace, limit, count):
                counts.append(count)
        held = sum(quota._shares[workspace].left for quota in processes[1:] if workspace in quota._shares)
        assert sum(counts) == limit - held
        assert held <= 2 * max(min(block, limit // PARTS), *(count for _, count in requests))

    @settings(max_examples=10, suppress_health_check=list(HealthCheck))
    @given(
        st.integers(0, 5000),
        st.integers(1, 50),
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 400)), min_size=1, max_size=20),
    )
    def examples(limit: int, block: int, requests: list[tuple[int, int]]) -> None:
        asyncio.run_coroutine_threadsafe(example(limit, block, requests), loop).result(60)

    await asyncio.to_thread(examples)


async def test_a_block_is_one_write_for_many_requests_and_no_limit_none(deployment: Deployment) -> None:
    database = deployment.database("ingest")
    await database.command("profile", 2)
    quota = Quota(QuotaLeases(database), 100, lambda: NOON)
    await asyncio.gather(*(quota.take("w", 100_000, 1) for _ in range(300)))
    assert await quota.take("w", None, 5) is None
    await database.command("profile", 0)
    writes = await database["system.profile"].count_documents({"ns": database[COLLECTION].full_name})
    assert writes == 3


async def test_over_it_the_caller_is_told_to_wait_until_midnight(deployment: Deployment) -> None:
    now = NOON

    def clock() -> datetime:
        return now

    quota = Quota(QuotaLeases(deployment.database("ingest")), 100, clock)
    await quota.take("w", 10, 8)
    with pytest.raises(ProblemError) as refused:
        await quota.take("w", 10, 3)
    problem = refused.value
    assert (problem.status, problem.code) == (429, "quota_exceeded")
    assert problem.headers == {
        "Retry-After": "43200", "RateLimit-Policy": '"day";q=10;w=86400', "RateLimit": '"day";r=0;t=43200',
    }  # fmt: skip
    assert problem.members == {"violated-policies": ["day"]}
    assert await taken(quota, "w", 10, 2) == 2  # what is left serves a smaller request
    assert await taken(quota, "other", 10, 10) == 10
    now += timedelta(seconds=int(problem.headers["Retry-After"]))
    assert await taken(quota, "w", 10, 10) == 10
    assert await taken(quota, "w", 10, 1) == 0


async def test_what_was_not_accepted_after_all_comes_back(deployment: Deployment) -> None:
    now = NOON
    quota = Quota(QuotaLeases(deployment.database("ingest")), 100, lambda: now)
    counted = await quota.take("w", 10, 10)
    assert counted is not None
    assert await taken(quota, "w", 10, 1) == 0
    counted.give_back()
    assert await taken(quota, "w", 10, 10) == 10
    now += timedelta(days=1)
    counted.give_back()  # of yesterday
    assert await taken(quota, "w", 10, 11) == 0


async def test_a_changed_limit_holds_for_what_is_leased_from_then_on(deployment: Deployment) -> None:
    quota = Quota(QuotaLeases(deployment.database("ingest")), 1, lambda: NOON)
    assert await taken(quota, "w", 100, 60) == 60
    assert await taken(quota, "w", 50, 1) == 0
    assert await taken(quota, "w", 61, 1) == 1
    assert await taken(quota, "w", 61, 1) == 0
    document: Any = await deployment.database("ingest")[COLLECTION].find_one({})
    assert document["leased"] == 61
    assert document["workspace_id"] == "w"
