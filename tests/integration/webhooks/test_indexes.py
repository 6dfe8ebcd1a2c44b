"""The lists of deliveries, and what tasks ask for, are answered from indexes, in their order."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.webhooks.outcomes import JobState
from services.webhooks.rules import Job
from services.webhooks.states import DeliveryState
from services.webhooks.store.attempts import Attempts
from services.webhooks.store.deliveries import Deliveries, Wanted, index_of
from services.webhooks.store.jobs import JobEnd, Jobs
from services.webhooks.store.tasks import Tasks
from services.webhooks.tasks.task import Task, TaskKind
from shared.contracts.entities import Kind
from shared.contracts.webhooks import WebhookAttempt
from shared.mongo.entities import Entities
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.fixtures.profiled import Executed, profiled

NOW = datetime.now(UTC)


async def ran(deployment: Deployment, query: Awaitable[Any]) -> Executed:
    """How the database ran the one query of a call."""
    async with profiled(deployment.database("webhooks")) as found:
        await query
    [executed] = found
    return executed


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


def _stored(moment: datetime) -> datetime:
    """A moment as MongoDB keeps it: in whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _attempt(endpoint_id: str) -> WebhookAttempt:
    return WebhookAttempt(
        attempt_id=uuid7(), message_id=uuid7(), workspace_id="w", event_id=uuid7(), event_type="email.delivered",
        endpoint_id=endpoint_id, url="https://x.example/", attempt=1, status=200, ms=3, ok=True, occurred_at=NOW,
    )  # fmt: skip


async def test_a_page_of_deliveries_reads_little_more_than_it_shows(filled: Deployment) -> None:
    deliveries = Deliveries(filled.database("webhooks"))
    before = (NOW - timedelta(seconds=5), "z")
    range_ = {"since": NOW - timedelta(hours=1), "until": NOW - timedelta(seconds=3)}
    for endpoint in ("busy", "quiet", "none", None):
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
                told = await ran(filled, deliveries.page(wanted, position, 10))
                # whatever the server finds at first: no other index holds for all that may be there
                assert list(told.command.get("hint", {}).items()) == list(index_of(wanted)), wanted
                assert told.plan.startswith("IXSCAN"), (wanted, told)
                assert not told.sorted or wanted.message_id or endpoint == "none", wanted
                assert told.keys <= most, (wanted, told)
        rare = await ran(filled, deliveries.page(Wanted("w", endpoint, event_type="email.bounced"), None, 10))
        assert rare.documents == 0


async def test_the_other_lists_of_webhooks_read_little_more_than_they_show(filled: Deployment) -> None:
    database = filled.database("webhooks")
    deliveries, attempts, tasks = Deliveries(database), Attempts(database), Tasks(database, 60)
    for endpoint, number in (("quiet", 20), ("busy", 300)):  # the newer ones are another endpoint's
        ends = [JobEnd(_job(endpoint, n), JobState.SUCCEEDED, NOW, attempt=_attempt(endpoint)) for n in range(number)]
        await attempts.keep(ends)
        for _ in range(number):
            added = await tasks.add(Task(uuid7(), TaskKind.REPLAY, "w", endpoint, NOW, NOW, NOW))
            await tasks.cancel("w", endpoint, TaskKind.REPLAY, added["_id"])
    endpoints = Entities(database)
    for number in range(300):
        await endpoints.put(Kind.ENDPOINT, uuid7(), "w" if number % 10 == 0 else f"w{number}", {"enabled": True})
    walked = (JobState.EXHAUSTED, JobState.CANCELED, JobState.SUCCEEDED)
    made = Wanted("w", "busy", since=NOW - timedelta(hours=1), until=NOW)
    for query, most in (
        (deliveries.ended(made, walked, (), None, 10), 60),
        (attempts.find("w", "quiet", {}, None, 10), 12),
        (attempts.find("w", "quiet", {"state": "succeeded"}, uuid7(), 10), 12),
        (attempts.of_delivery("w", ends[0].job.id, 10), 12),
        (attempts.newest("w", "quiet", 10), 12),
        (attempts.last_of_each("w", [end.job.id for end in ends[:10]]), 40),
        (deliveries.waiting("w", "busy", 5), 12),
        (deliveries.waiting("w", None, 5), 12),
        (deliveries.lost("w", "busy", NOW - timedelta(hours=1), 5), 12),
        (deliveries.lost("w", None, NOW - timedelta(hours=1), 5), 12),
        (tasks.page("w", "quiet", TaskKind.REPLAY, None, 10), 12),
        (tasks.page("w", "quiet", TaskKind.REPLAY, uuid7(), 10), 12),
        (endpoints.find(Kind.ENDPOINT, {"workspace_id": "w"}, 10), 40),
    ):
        told = await ran(filled, query)
        assert told.plan.startswith("IXSCAN"), told
        assert told.keys <= most, told
    assert await deliveries.due("busy", 5) == 5
    assert await deliveries.waiting("w", "busy", 100) == (10, _stored(NOW - timedelta(seconds=1999)))
