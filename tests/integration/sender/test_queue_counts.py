"""Looking at a long queue is cheap: every look is answered by an index, and counts end at their bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sender.queue import overview
from services.sender.queue.overview import Overview
from services.sender.queue.selection import Selection
from services.sender.store.changing import Changing
from services.sender.store.deliveries import IDLE, Deliveries
from services.sender.store.destinations import Destinations
from services.sender.store.holds import Holds
from services.sender.store.jobs import Jobs
from services.sender.store.queue import Queue
from shared.mongo.clock import DatabaseClock
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment

MANY, MOST_LANE, MOST_DESTINATION, PAGE = 600, 100, 40, 10
SELECTIONS = [
    Selection(),
    Selection(workspace="w1"),
    Selection(workspace="quiet"),
    Selection(domain="busy.example"),
    Selection(domain="quiet.example", workspace="quiet"),
    Selection(domain="busy.example", workspace="quiet"),
    Selection(transport="t1"),
    Selection(rollup="quiet"),
    Selection(transport="t2", rollup="quiet", workspace="quiet"),
]


def documents() -> list[dict[str, Any]]:
    """A crowd of one workspace at one destination, and one message of another in each state somewhere else."""
    now = datetime.now(UTC)
    later = {"due_at": now + timedelta(hours=1)}
    kinds: list[dict[str, Any]] = [
        {"state": "waiting"},
        {"state": "deferred", **later},
        {"state": "held", "hold": "h1", **later},
        {"state": "ended", "purge_at": now + timedelta(days=31)},
    ]
    crowd = {"workspace_id": "w1", "destination": "t1|busy", "domain": "busy.example"}
    quiet = {"workspace_id": "quiet", "destination": "t2|quiet", "domain": "quiet.example"}
    common = {"lane": "standard", "pass": 0, "attempt": 0, "arrived_at": now, "record": b"{}"}
    return [
        {"_id": uuid7(), **common, **place, **kind}
        for place, count in ((crowd, MANY), (quiet, 1))
        for kind in kinds
        for _ in range(count)
    ]


@pytest.fixture
async def queue(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setattr(overview, "MOST_OF_LANE", MOST_LANE)
    monkeypatch.setattr(overview, "MOST_OF_DESTINATION", MOST_DESTINATION)
    await deployment.prepare("sender")
    database = deployment.database("sender")
    await database["deliveries"].insert_many(documents())
    return Queue(Deliveries(database))


async def profiled(deployment: Deployment) -> list[dict[str, Any]]:
    database = deployment.database("sender")
    names = [f"{database.name}.{name}" for name in ("deliveries", "holds", "jobs", "destinations")]
    found: list[dict[str, Any]] = await database["system.profile"].find({"ns": {"$in": names}}).to_list(None)
    return found


def shown(seen: list[dict[str, Any]]) -> list[Any]:
    return [(each.get("planSummary"), each.get("keysExamined"), each.get("docsExamined"), each.get("command"))
            for each in seen]  # fmt: skip


async def test_counts_end_at_their_bounds_and_read_no_documents(deployment: Deployment, queue: Queue) -> None:
    database = deployment.database("sender")
    view = Overview(queue, Destinations(database, "", 60), DatabaseClock(database))
    await deployment.database("sender").command("profile", 2)
    lanes = {each["lane"]: each for each in await view.lanes(None)}
    found = await view.destinations(Selection(), None, 25)
    own = await view.destinations(Selection(workspace="quiet"), None, 25)
    assert await view.lanes("quiet")
    await deployment.database("sender").command("profile", 0)
    for state in ("waiting", "deferred", "held"):
        assert (lanes["standard"][state]["count"], lanes["standard"][state]["more"]) == (MOST_LANE, True)
        busy, quiet = (each[state] for each in found)
        assert (busy["count"], busy["more"], quiet["count"], quiet["more"]) == (MOST_DESTINATION, True, 1, False)
        assert [each[state]["count"] for each in own] == [1]
    seen = await profiled(deployment)
    assert len(seen) > 20
    too_many = [
        each
        for each in seen
        if each.get("planSummary") == "COLLSCAN"
        or each.get("keysExamined", 0) > MOST_LANE + 20
        or each.get("docsExamined", 0) > 20
    ]
    assert not too_many, shown(too_many)


async def test_a_page_reads_what_it_shows_however_much_stands_before_it(deployment: Deployment, queue: Queue) -> None:
    await deployment.database("sender").command("profile", 2)
    for selection in SELECTIONS:
        after = None
        for _ in range(3):
            page, after = await queue.walk(selection, IDLE, after, PAGE)
            assert all(selection.workspace in (None, each["workspace_id"]) for each in page)
            if after is None:
                break
    assert len(await queue.held_by(["h1"], None, PAGE)) == PAGE
    assert await queue.holding() == ["h1"]
    assert await queue.of_address("nobody", Selection(rollup="quiet"), IDLE, None, PAGE) == []
    assert await queue.in_flight(None) == []
    await deployment.database("sender").command("profile", 0)
    slow = [
        each
        for each in await profiled(deployment)
        if each.get("planSummary") == "COLLSCAN"
        or each.get("docsExamined", 0) > 2 * PAGE
        or each.get("keysExamined", 0) > 8 * PAGE
    ]
    assert not slow, shown(slow)


async def test_the_writes_of_jobs_and_the_reads_of_holds_have_their_indexes(
    deployment: Deployment, queue: Queue
) -> None:
    database = deployment.database("sender")
    (page, _) = await queue.walk(Selection(domain="busy.example"), ["deferred"], None, PAGE)
    ids = [each["_id"] for each in page]
    changing, holds, jobs = Changing(Deliveries(database)), Holds(database), Jobs(database, 60)
    await jobs.add({"_id": uuid7(), "workspace_id": None, "action": "retry", "created_at": datetime.now(UTC)})
    await database.command("profile", 2)
    await changing.make_due(ids, "job")
    await changing.reroute({id_: {"avoid": "t1"} for id_ in ids}, "job")
    await changing.order_end(dict.fromkeys(ids, b"{}"), "job")
    await changing.let_go(ids, ["h1"], "job")
    assert await changing.changed(ids, "job") == set(ids)
    assert await holds.active() == []
    assert await holds.count(None) == 0
    assert await holds.run_out(datetime.now(UTC)) == []
    taken = await jobs.claim()
    assert taken is not None
    assert await jobs.go_on(taken, [0, "a", "b", "c"], 1, {"held": 2})
    assert await jobs.lifting() == set()
    await database.command("profile", 0)
    scans = [each for each in await profiled(deployment) if each.get("planSummary") == "COLLSCAN"]
    assert not scans, shown(scans)
