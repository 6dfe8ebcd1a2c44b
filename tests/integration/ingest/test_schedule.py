"""Scheduled messages on MongoDB and Kafka: announced, let go on time, canceled, each once at any number of replicas."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.app import create_app
from services.ingest.publication.scheduler import Scheduler
from services.ingest.publication.tenure import HeldTenure
from services.ingest.settings import Settings
from services.ingest.store.schedule import Canceled, Schedule
from shared.contracts.commands import Command, CommandType
from shared.contracts.events import Event
from shared.contracts.topics import COMMANDS, EVENTS, LIVE, STAGE_REPORTS
from shared.kafka.publish import Publisher
from shared.mongo import outbox
from shared.mongo.client import make_client
from shared.mongo.clock import DatabaseClock
from shared.mongo.due import Tenure
from shared.mongo.outbox import Outbox
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.wire import Wire
from tests.integration.ingest.submitted import STANDARD, ids_of, submission

QUICK = {"schedule_poll_ms": 20, "relay_standard_poll_ms": 20}


def scheduled(seconds: float, messages: int = 1) -> dict[str, Any]:
    """A submission as admission stores it that is due in so many seconds."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    document = submission(messages=messages, record={"scheduled_at": at}, scheduled_at=at, due_at=at)
    del document["pending"]
    return document | {"unpublished": outbox.unpublished()}


@pytest.fixture
async def world(deployment: Deployment) -> AsyncIterator[Deployment]:
    """Two processes that relay, one of which projects too."""
    await deployment.prepare("ingest", topics=(*LIVE, STAGE_REPORTS))
    settings = deployment.settings(Settings, **QUICK)
    async with (
        create_app(settings, {"relay", "projector"}).run(),
        create_app(settings, {"relay"}).run(),
    ):
        yield deployment


async def status_of(world: Deployment, id_: str, status: str) -> dict[str, Any]:
    async def is_so() -> Any:
        return await world.database("ingest")["messages"].find_one({"_id": id_, "head.status": status})

    return dict(await eventually(is_so, what=f"{id_} {status}"))


async def test_what_is_scheduled_is_shown_and_goes_when_it_is_due_and_not_before(world: Deployment) -> None:
    submissions, before = world.database("ingest")["submissions"], scheduled(0)
    await submissions.insert_one(before)
    await status_of(world, *ids_of(before), "pending")  # all has begun that shows the next one before it goes
    document = scheduled(4)
    (id_,) = ids_of(document)
    await submissions.insert_one(document)
    await status_of(world, id_, "scheduled")
    shown = await status_of(world, id_, "pending")
    published = shown["times"]["published_at"]
    assert timedelta(0) <= published - document["scheduled_at"]
    _, record = await world.records(STANDARD, 2)
    assert record.key.decode() == id_
    assert record.timestamp >= int(document["scheduled_at"].timestamp() * 1000)


async def test_many_that_are_due_at_once_each_go_once(world: Deployment) -> None:
    documents = [scheduled(1, messages=2) for _ in range(40)]
    await world.database("ingest")["submissions"].insert_many(documents)
    records = await world.records(STANDARD, 80)
    assert {record.key.decode() for record in records} == ids_of(*documents)
    assert set(Counter(record.key for record in records).values()) == {1}


async def test_what_is_canceled_in_time_is_said_and_never_goes(world: Deployment) -> None:
    document = scheduled(2, messages=2)
    canceled, goes = sorted(ids_of(document))
    await world.database("ingest")["submissions"].insert_one(document)
    schedule = Schedule(world.database("ingest"))
    assert await schedule.cancel("workspace-1", canceled, datetime.now(UTC)) is Canceled.DONE
    assert await schedule.cancel("another", goes, datetime.now(UTC)) is Canceled.UNKNOWN
    await status_of(world, canceled, "canceled")
    (record,) = await world.records(STANDARD, 1)
    assert record.key.decode() == goes
    events = [Event.decode(each.value) for each in await world.records(EVENTS)]
    assert {(event.message_id, str(event.type)) for event in events} == {
        (canceled, "accepted"), (canceled, "canceled"), (goes, "accepted"),
    }  # fmt: skip


async def test_a_message_is_canceled_or_goes_never_both(deployment: Deployment) -> None:
    await deployment.prepare("ingest")
    submissions = deployment.database("ingest")["submissions"]
    schedule, now = Schedule(deployment.database("ingest")), datetime.now(UTC)
    documents = [scheduled(-1) for _ in range(60)]
    await submissions.insert_many(documents)
    ids = [document["messages"][0]["id"] for document in documents]
    results = await asyncio.gather(
        *(schedule.cancel("workspace-1", id_, now) for id_ in ids), *(schedule.release(now, 10) for _ in range(6))
    )
    canceled = {id_ for id_, result in zip(ids, results, strict=False) if result is Canceled.DONE}
    released = {id_ async for each in submissions.find({"pending": {"$exists": True}}) for id_ in each["pending"]}
    assert canceled.isdisjoint(released)
    assert canceled | released == set(ids)


async def test_nothing_goes_early_where_the_clock_was_asked_slowly(deployment: Deployment) -> None:
    await deployment.prepare("ingest")
    database, wire = deployment.database("ingest"), Wire(deployment.shared.mongo_url)
    async with wire.open():
        client = make_client(deployment.settings(Settings, mongo_url=wire.url))
        clock = DatabaseClock(client["any"])
        await clock.sync()  # connects
        wire.slow_seconds = 0.8
        await clock.sync()
        client.close()
    announcer = Outbox(database["submissions"], Publisher(deployment.shared, "test"), lambda document: [])
    scheduler = Scheduler(Schedule(database), clock, announcer, HeldTenure(Tenure(database, "scheduler", 5), 5))
    document = scheduled(0.3)
    del document["unpublished"]
    await database["submissions"].insert_one(document)
    assert await clock.current() > document["due_at"]
    await scheduler.turn()
    waits = await database["submissions"].find_one({"_id": document["_id"], "due_at": {"$exists": True}})
    assert waits or datetime.now(UTC) >= document["due_at"]


async def test_what_has_gone_is_asked_back_from_its_owner(world: Deployment) -> None:
    document = submission()
    (id_,) = ids_of(document)
    await world.database("ingest")["submissions"].insert_one(document)
    await world.records(STANDARD, 1)
    schedule = Schedule(world.database("ingest"))
    assert await schedule.cancel("workspace-1", id_, datetime.now(UTC)) is Canceled.ASKED
    (record,) = await world.records(COMMANDS, 1)
    command = Command.decode(record.value)
    assert (command.type, command.message.message_id) == (CommandType.CANCEL, id_)
