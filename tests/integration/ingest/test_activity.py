"""Activity on MongoDB: counted once whoever counts, gone in time, and read by its index."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.projection.activity import KEPT, SLOT, Counted, Happening, of_event, slot_of
from services.ingest.projection.fold import fold
from services.ingest.store.activity import Activity, Slot
from services.ingest.store.activity_counts import COLLECTION, ActivityCounts
from services.ingest.store.messages import Messages
from services.ingest.store.unattempted import MOST, Unattempted, UnattemptedMessages
from shared.contracts.events import Event, EventType, accepted_event, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import Lane
from tests.fixtures.deployment import Deployment
from tests.fixtures.messages import a_message
from tests.integration.ingest.submitted import now, submission

NOW = now()


@pytest.fixture
async def counts(deployment: Deployment) -> ActivityCounts:
    await deployment.prepare("ingest")
    return ActivityCounts(deployment.database("ingest"))


def one(offset: int, at: datetime = NOW, source: str = "events:0", workspace_id: str = "w1", *names: str) -> Counted:
    return Counted(source, offset, Happening(workspace_id, at, names or ("counts.standard.delivered",)))


def told(events: Sequence[Event], source: str = "events:0") -> list[Counted]:
    return [Counted(source, offset, of_event(event)) for offset, event in enumerate(events)]


async def stored(deployment: Deployment) -> Counter[tuple[str, datetime, str]]:
    """Everything that is counted, by workspace, slot and name."""
    found: Counter[tuple[str, datetime, str]] = Counter()
    async for document in deployment.database("ingest")[COLLECTION].find({}):
        place = document["workspace_id"], document["begins_at"]
        for kind in ("counts", "waits"):
            for group, names in document.get(kind, {}).items():
                found.update({(*place, f"{kind}.{group}.{name}"): count for name, count in names.items()})
    return found


async def test_owners_that_race_and_go_back_count_each_record_once(
    deployment: Deployment, counts: ActivityCounts
) -> None:
    dice = random.Random(11)
    names = ("counts.standard.delivered", "counts.critical.bounced", "waits.critical.5000")
    log = [
        [
            one(offset, NOW - timedelta(seconds=dice.randint(0, 900)), source, dice.choice("ab"), dice.choice(names))
            for offset in range(120)
        ]
        for source in ("events:0", "events:1", "accepted:0")
    ]

    async def own(partition: list[Counted]) -> None:
        place = 0
        while place < len(partition):
            begin = dice.randint(max(0, place - 20), place)
            place = min(len(partition), begin + dice.randint(1, 40))
            await counts.add(partition[begin:place])
        await counts.add(partition)

    await asyncio.gather(*(own(partition) for partition in log for _ in range(3)))
    assert await stored(deployment) == Counter(
        (each.happening.workspace_id, slot_of(each.happening.at), name)
        for partition in log
        for each in partition
        for name in each.happening.counters
    )


async def test_a_batch_is_one_query_and_one_write_and_one_that_was_counted_no_write(
    deployment: Deployment, counts: ActivityCounts
) -> None:
    database = deployment.database("ingest")
    batch = [one(number, NOW, f"events:{number % 6}", f"w{number % 50}") for number in range(500)]
    await database.command("profile", 2)
    await counts.add(batch)
    await counts.add(batch)
    await database.command("profile", 0)
    ops = [each["op"] async for each in database["system.profile"].find({"ns": f"{database.name}.{COLLECTION}"})]
    assert Counter(ops) == {"query": 2, "update": 50}


async def test_a_day_shows_every_slot_and_the_sums_of_a_workspace_alone(
    deployment: Deployment, counts: ActivityCounts
) -> None:
    message = a_message(lane=Lane.CRITICAL, attempt=1, accepted_at=NOW - timedelta(seconds=4))
    timings = {"timings": {"connect": 1000}}
    events = [
        event_of(message, EventType.DELIVERED, NOW, timings),
        event_of(message, EventType.COMPLAINED, NOW - timedelta(hours=30)),
        event_of(a_message(workspace_id="w2"), EventType.DELIVERED, NOW),
        event_of(a_message(), EventType.RELAYED, NOW - timedelta(minutes=20)),
    ]
    await counts.add(told(events))
    await counts.add([one(0, NOW, "posts:0", "w1", "counts.webhooks.ok")])
    activity = Activity(deployment.database("ingest"))

    day = await activity.last("w1", NOW)
    assert [slot.begins_at for slot in day.slots] == [slot_of(NOW) - number * SLOT for number in range(288, -1, -1)]
    assert day.slots[-1] == Slot(
        slot_of(NOW), {Lane.CRITICAL: Counter(delivered=1), Lane.STANDARD: Counter()},
        {Lane.CRITICAL: Counter({"5000": 1}), Lane.STANDARD: Counter()}, Counter(ok=1),
    )  # fmt: skip
    assert day.total().lanes == {Lane.CRITICAL: Counter(delivered=1), Lane.STANDARD: Counter(relayed=1)}

    recent = await activity.last("w1", NOW, minutes=5)
    assert recent == day.last(5)
    assert timedelta(minutes=5) <= recent.until - recent.since < timedelta(minutes=10)
    assert recent.total().lanes[Lane.STANDARD] == Counter()
    assert recent.per_minute(1) == pytest.approx(60 / (recent.until - recent.since).total_seconds())
    assert (day.latency().in_time, day.latency(Lane.STANDARD).attempted) == (1, 0)
    assert (await activity.last("w3", NOW)).total() == Slot(slot_of(NOW) - 288 * SLOT)


async def test_slots_are_found_by_workspace_and_time_and_are_gone_in_time(
    deployment: Deployment, counts: ActivityCounts
) -> None:
    collection = deployment.database("ingest")[COLLECTION]
    await counts.add([one(number, NOW - number * SLOT, workspace_id=f"w{number % 3}") for number in range(300)])
    query = collection.find({"workspace_id": "w1", "begins_at": {"$gte": NOW - timedelta(hours=24)}})
    plan = await query.explain()
    assert stages(plan) == ["FETCH", "IXSCAN"]
    assert plan["executionStats"]["totalDocsExamined"] == plan["executionStats"]["nReturned"] > 90

    indexes = await collection.index_information()
    assert indexes["begins_at_1"]["expireAfterSeconds"] == KEPT.total_seconds()


def stages(plan: dict[str, Any]) -> list[str]:
    """The stages of the plan that was taken, from the result down."""
    stage, found = plan["queryPlanner"]["winningPlan"], []
    while stage:
        found.append(stage["stage"])
        stage = stage.get("inputStage")
    return found


def critical(**changes: Any) -> Message:
    return a_message(**{"lane": Lane.CRITICAL, "accepted_at": NOW - timedelta(minutes=1), **changes})


async def test_what_waits_unattempted_is_counted_in_the_outbox_and_behind_it(deployment: Deployment) -> None:
    await deployment.prepare("ingest")
    database = deployment.database("ingest")
    held, tried, ended = (critical() for _ in range(3))
    scheduled = critical(scheduled_at=NOW + timedelta(hours=1))
    accepted = [critical(), held, tried, ended, critical(workspace_id="w2"), a_message()]
    await Messages(database).write(
        fold(
            [
                *map(accepted_event, accepted),
                accepted_event(scheduled, at=scheduled.accepted_at),
                event_of(held, EventType.QUEUED, NOW, {"reason": "held"}),
                event_of(tried, EventType.DEFERRED, NOW, attempt=1),
                event_of(ended, EventType.SUPPRESSED, NOW),
            ]
        )
    )
    swept = submission("w1", 1, lane="critical", published_at=NOW)  # the read model knows of it
    others = submission("w2", 1, lane="critical"), submission("w1", 1)
    await database["submissions"].insert_many([submission("w1", 2, lane="critical"), swept, *others])
    unattempted = UnattemptedMessages(database)
    soon = datetime.now(UTC) + timedelta(seconds=1)

    await database.command("profile", 2)
    assert await unattempted.older_than("w1", soon, timedelta(0)) == Unattempted(4, more=False)
    assert await unattempted.older_than("w1", soon, timedelta(hours=1)) == Unattempted(0, more=False)
    await database.command("profile", 0)
    plans = {each["planSummary"] async for each in database["system.profile"].find({"planSummary": {"$exists": True}})}
    assert {plan.split()[0] for plan in plans} == {"IXSCAN"}, plans


async def test_so_much_that_waits_is_not_counted_further(deployment: Deployment) -> None:
    await deployment.prepare("ingest")
    database = deployment.database("ingest")
    await Messages(database).write(fold(accepted_event(critical()) for _ in range(MOST + 1)))
    soon = datetime.now(UTC) + timedelta(seconds=1)
    assert await UnattemptedMessages(database).older_than("w1", soon, timedelta(0)) == Unattempted(MOST, more=True)
