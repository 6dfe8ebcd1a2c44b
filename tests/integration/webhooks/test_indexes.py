"""The lists of deliveries, and what tasks ask for, are answered from indexes, in their order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.webhooks.rules import Job
from services.webhooks.states import DeliveryState
from services.webhooks.store.deliveries import Deliveries, Position, Wanted, condition_of, index_of
from services.webhooks.store.jobs import OF_ENDPOINT, Jobs
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment

NOW = datetime.now(UTC)
NEWEST_FIRST = {"created_at": -1, "_id": -1}


def stages(plan: Any) -> Iterator[dict[str, Any]]:
    """Every stage of an execution."""
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan
        for value in plan.values():
            yield from stages(value)
    elif isinstance(plan, list):
        for each in plan:
            yield from stages(each)


async def explained(
    deployment: Deployment, condition: dict[str, Any], sort: dict[str, int], index: Any
) -> dict[str, Any]:
    """`names` of the stages of a query of ten, and how many index keys and documents it has looked at."""
    query = {
        "find": "jobs", "filter": condition, "sort": sort, "limit": 10, "projection": {"body": 0}, "hint": dict(index)
    }  # fmt: skip
    told = await deployment.database("webhooks").command("explain", query, verbosity="executionStats")
    looked = told["executionStats"]
    return {
        "names": {each["stage"] for each in stages(told["queryPlanner"]["winningPlan"])},
        "keys": looked["totalKeysExamined"],
        "documents": looked["totalDocsExamined"],
    }


async def page(deployment: Deployment, wanted: Wanted, before: Position | None = None) -> dict[str, Any]:
    return await explained(deployment, condition_of(wanted, before), NEWEST_FIRST, index_of(wanted))


@pytest.fixture
async def filled(deployment: Deployment) -> Deployment:
    """Two thousand deliveries of one endpoint, which have ended but for a few, and some of another."""
    await deployment.prepare("webhooks")
    jobs = Jobs(deployment.database("webhooks"), 60)
    made = [_job("busy", number) for number in range(2000)] + [_job("quiet", number) for number in range(20)]
    await jobs.insert(made, NOW)
    ended = {"$set": {"state": "succeeded", "attempt": 1}}
    collection = Deliveries(deployment.database("webhooks")).collection
    await collection.update_many({"_id": {"$in": [job.id for job in made[:1990]]}}, ended)
    return deployment


def _job(endpoint_id: str, number: int) -> Job:
    made = NOW - timedelta(seconds=number)
    return Job(uuid7(), "w", endpoint_id, f"m{number}", uuid7(), "email.delivered", b"{}", made, made)


async def test_a_page_of_deliveries_reads_little_more_than_it_shows(filled: Deployment) -> None:
    before = (NOW - timedelta(seconds=5), "z")
    range_ = {"since": NOW - timedelta(hours=1), "until": NOW - timedelta(seconds=3)}
    for endpoint in ("busy", "quiet", None):
        for wanted, most in (
            (Wanted("w", endpoint), 60),
            (Wanted("w", endpoint, **range_), 60),
            (Wanted("w", endpoint, DeliveryState.SUCCEEDED), 20),
            (Wanted("w", endpoint, DeliveryState.FAILED), 20),
            (Wanted("w", endpoint, DeliveryState.PENDING), 60),
            (Wanted("w", endpoint, DeliveryState.RETRYING), 60),
            (Wanted("w", endpoint, message_id="m7"), 20),
        ):
            for position in (None, before):
                told = await page(filled, wanted, position)
                assert "COLLSCAN" not in told["names"], wanted
                assert wanted.message_id or "SORT" not in told["names"], wanted
                assert told["keys"] <= most, (wanted, told)
        rare = await page(filled, Wanted("w", endpoint, event_type="email.bounced"))
        assert rare["documents"] == 0
    deliveries = Deliveries(filled.database("webhooks"))
    assert await deliveries.due("busy", 5) == 5
    walk = {
        "workspace_id": "w", "endpoint_id": "busy", "state": {"$in": ["exhausted", "canceled", "succeeded"]},
        "created_at": {"$gte": NOW - timedelta(hours=1), "$lt": NOW},
    }  # fmt: skip
    told = await explained(filled, walk, {"created_at": 1, "_id": 1}, OF_ENDPOINT)
    assert told["names"].isdisjoint({"COLLSCAN", "SORT"})
    assert told["keys"] <= 60
