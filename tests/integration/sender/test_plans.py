"""No query of the sender's stores reads more than it needs: every one by an index, tombstones never looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import UpdateOne

from services.sender.destinations.adaptation import Standing
from services.sender.store.changes import Changes
from services.sender.store.claims import Claims
from services.sender.store.deliveries import Deliveries
from services.sender.store.destinations import Destinations
from services.sender.store.releases import Releases
from services.sender.store.warmups import DayCounts
from shared.contracts.suppressions import SuppressionChange
from tests.fixtures.deployment import Deployment

MANY = 300
COLLECTIONS = ("deliveries", "destinations", "suppression_changes", "warmups")


def documents(now: datetime) -> list[dict[str, Any]]:
    common = {"lane": "standard", "pass": 0, "attempt": 0, "ambiguous": 0, "arrived_at": now, "record": b"{}"}
    ended = {"state": "ended", "purge_at": now + timedelta(days=31)}
    later = {"state": "deferred", "due_at": now + timedelta(hours=1), "address": "later"}
    waiting = {"state": "waiting", "destination": "full|x", "tell_at": now + timedelta(hours=1), "address": "waits",
               "expires_at": now + timedelta(hours=1)}  # fmt: skip
    many = [
        {**common, **kind, "_id": f"{name}{number}", "workspace_id": f"w{number % 3}"}
        for name, kind in (("ended", ended), ("later", later), ("waiting", waiting))
        for number in range(MANY)
    ]
    return [
        *many,
        {**common, "_id": "due", "state": "deferred", "due_at": now, "workspace_id": "w1"},
        {**common, "_id": "free", "state": "waiting", "destination": "free|x", "workspace_id": "w1"},
        {**common, "_id": "long", "state": "waiting", "destination": "l|x", "workspace_id": "w1", "tell_at": now},
        {**common, "_id": "flagged", "state": "waiting", "destination": "f|x", "workspace_id": "w1", "flagged": True},
    ]


async def test_every_query_of_the_stores_has_its_index(deployment: Deployment) -> None:
    await deployment.prepare("sender")
    database, now = deployment.database("sender"), datetime.now(UTC)
    await database["deliveries"].insert_many(documents(now))
    deliveries = Deliveries(database)
    claims, releases = Claims(deliveries, 60), Releases(deliveries, 60)
    changes = Changes(database, deliveries, timedelta(days=8))
    soon = now + timedelta(seconds=5)
    await database.command("profile", 2)
    assert set(await claims.waiting("standard")) == {"free|x", "full|x", "l|x", "f|x"}
    ((free,), more, _) = await claims.take("standard", "free|x", 4, lambda workspace: 4, "")
    held = {free["_id"]: free["lease"]["token"]}
    assert not more
    await deliveries.renew(held, 60)
    assert await deliveries.mark_data_sent(list(held.items())) == [True]
    await deliveries.give_back(held, unmarked=True)
    assert await claims.lapsed() == []
    assert await claims.recover_unsent() == 0
    assert await releases.outstanding("standard", 100) == 0
    assert {each["_id"] for each in await releases.take("standard", 10, soon)} == {"due", "flagged"}
    assert [each["_id"] for each in await deliveries.long_waiting(soon, 10)] == ["long"]
    change = SuppressionChange(
        change_id="c1", scope="platform", address_hmac="none", change="added", reason="manual", occurred_at=soon
    )
    await changes.store([change])
    assert await changes.flag_arrivals({"free": "none"}) == set()
    await deliveries.command({"due": b"{}"})
    assert [each["_id"] for each in await deliveries.commanded(["due"])] == ["due"]
    assert [each["_id"] for each in await deliveries.commanded(None)] == ["due"]
    await deliveries.last_events(["due"])
    await deliveries.written({"x": "due"})
    await deliveries.write([UpdateOne({"_id": "due", "state": "released"}, {"$set": {"attempt": 1}})])
    destinations = Destinations(database, "one", 60)
    (grant,) = (await destinations.hold({"free|x": (2, 10)})).values()
    assert grant.mine == 2
    await destinations.adapt({"free|x": (grant.version, Standing(window=5))})
    assert (await destinations.changed(now))["free|x"].standing.window == 5
    await destinations.let_go(["free|x"])
    counts, day = DayCounts(database), ("192.0.2.1", now.date())
    assert await counts.take({day: (2, 10)}) == {day: (2, 2)}
    await counts.give_back({day: 1})
    assert await deliveries.flag_expired(soon) == 0
    count, oldest = await deliveries.age_of_waiting("standard")
    assert count == MANY + 1
    assert oldest is not None
    await database.command("profile", 0)
    names = [f"{database.name}.{name}" for name in COLLECTIONS]
    seen = await database["system.profile"].find({"ns": {"$in": names}}).to_list(None)
    assert len(seen) > 20
    slow = [
        (each.get("planSummary"), each.get("docsExamined"), each.get("command"))
        for each in seen
        if each.get("planSummary") == "COLLSCAN" or each.get("docsExamined", 0) > 20
    ]
    assert not slow
