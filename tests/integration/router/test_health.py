"""Health on real servers: what was told counts once, breakers open and return, and every process knows the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import REGISTRY

from services.router.health import Health, Reputation, State
from services.router.health.counts import counts_of
from services.router.health.judging import Judging
from services.router.health.slots import HORIZON, start_of
from services.router.health.store.breakers import Breakers
from services.router.health.store.hours import Hours
from services.router.health.store.reputations import Reputations
from services.router.health.store.slots import Slots
from services.router.health.store.standings import Standings
from services.router.health.view import HealthView
from shared.contracts.events import Event, EventType
from shared.contracts.topics import EVENTS
from shared.loops import Loops
from tests.fixtures.deployment import eventually
from tests.integration.router.conftest import Router
from tests.unit.router.health.events import an_event, failed, relayed, told

QUICK = {
    "health_window_seconds": 6,
    "health_refresh_seconds": 0.1,
    "breaker_least_attempts": 4,
    "breaker_first_seconds": 0.5,
    "breaker_successes": 2,
    "complaint_least_accepted": 5,
    "complaint_least": 2,
    "reputation_seconds": 0.2,
}
RELAY = ("relay", None)
TOLD = "posthorn_health_events_total"


class Watch:
    """Health as the database has it, and as another process that routes would read it."""

    def __init__(self, router: Router) -> None:
        self._router = router
        database = router.deployment.database("router")
        self.slots, self.hours, self.breakers = Slots(database), Hours(database), Breakers(database)
        self.standings, self.reputations = Standings(database), Reputations(database)
        self._settings = router.deployment.settings(type(router.settings), **QUICK)
        self.view = HealthView(self.standings, self.breakers, self.reputations, self._settings.breaking)

    async def tell(self, *events: Event) -> None:
        await self._router.deployment.publish(EVENTS, [(event.message_id, event.encode(), {}) for event in events])

    async def sum(self, name: str = "attempts") -> int:
        spans = await self.slots.since(datetime.now(UTC) - 2 * HORIZON)
        return sum(way.counts[name] for span in spans for way in span.ways.values())

    async def counted(self, number: int) -> None:
        async def all_there() -> bool:
            return await self.sum() == number

        await eventually(all_there, what=f"{number} attempts")

    async def becomes(self, state: State, key: tuple[str, str | None] = RELAY) -> None:
        async def so() -> bool:
            breakers = await self.breakers.all()
            return key in breakers and breakers[key].state is state

        await eventually(so, what=f"{key} {state}")

    async def tell_until(self, state: State, make: Callable[[datetime], Event]) -> None:
        """Tells one after another: what happened in the slot of the change itself counts for neither side of it."""

        async def so() -> bool:
            await self.tell(make(now()))
            return (await self.breakers.all())[RELAY].state is state

        await eventually(so, every=0.2, what=f"{RELAY} {state}")

    @asynccontextmanager
    async def judged_by_another(self) -> AsyncIterator[None]:
        """A further process that judges all the time."""
        judging = Judging(
            self.slots,
            self.hours,
            self.breakers,
            self.standings,
            self.reputations,
            self._settings.breaking,
            self._settings.thresholds,
        )
        async with Loops(5) as loops:
            loops.every("judging", 0.05, judging.breakers)
            yield

    async def health(self) -> Health:
        await self.view.refresh()
        return self.view.current()


@asynccontextmanager
async def watched(router: Router, **overrides: Any) -> AsyncIterator[Watch]:
    async with router.running("health", **{**QUICK, **overrides}):
        yield Watch(router)


def now() -> datetime:
    return datetime.now(UTC)


async def read_by_now() -> float:
    """How many events this process has counted, or dropped as late."""
    values = [REGISTRY.get_sample_value(TOLD, {"result": result}) for result in ("counted", "late")]
    return sum(value or 0.0 for value in values)


async def test_what_is_read_again_or_published_again_counts_once(router: Router) -> None:
    events = [an_event(at=now()) for _ in range(20)] + [failed(now()) for _ in range(3)]
    late = [an_event(at=now() - HORIZON - timedelta(seconds=5)) for _ in range(4)]
    async with watched(router, breaker_least_attempts=1000) as watch:
        await watch.tell(*events, *late)
        await watch.counted(23)
        await watch.tell(*events, *late, an_event(at=now()))
        await watch.counted(24)
    documents = await router.deployment.database("router")["health_slots"].find({}).to_list(None)
    before = await read_by_now()
    await forget_offsets(router, "router.health")
    async with watched(router, breaker_least_attempts=1000):

        async def all_read() -> bool:
            return await read_by_now() >= before + 2 * 27 + 1

        await eventually(all_read)
    assert await router.deployment.database("router")["health_slots"].find({}).to_list(None) == documents


async def forget_offsets(router: Router, name: str) -> None:
    """Has a consumer group begin anew with the first record of `mail.events`."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=router.settings.kafka_bootstrap,
        group_id=router.settings.group(name),
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        partition = TopicPartition(router.settings.topic(EVENTS), 0)
        consumer.assign([partition])
        await consumer.commit({partition: 0})
    finally:
        await consumer.stop()


async def test_owners_of_the_same_records_count_them_once_between_them(router: Router) -> None:
    slots = Slots(router.deployment.database("router"))
    key = (0, start_of(now(), timedelta(seconds=10)))
    events = [(told(event), counts_of(told(event))) for event in (an_event() for _ in range(60))]
    parts = [events[:40], events[20:], events[:40], events[30:50], events]
    await asyncio.gather(*(slots.count({key: part}) for part in parts))
    watch = Watch(router)
    assert await watch.sum() == 60


async def test_a_smart_host_that_dies_opens_is_tried_again_and_returns(router: Router) -> None:
    changes = {state: transitions_to(state) for state in State}
    async with watched(router) as watch, watch.judged_by_another():
        await watch.tell(*(failed(now()) for _ in range(4)))
        await watch.becomes(State.OPEN)
        health = await watch.health()
        assert health.standing("relay", "smarthost:relay").state is State.OPEN
        assert "100% of its attempts failed" in str(health.standing("relay", None).why)
        await watch.becomes(State.HALF_OPEN)
        await watch.tell_until(State.OPEN, failed)
        again = (await watch.breakers.all())[RELAY]
        assert (again.openings, again.until) == (2, (again.since or now()) + timedelta(seconds=1))
        await watch.becomes(State.HALF_OPEN)
        assert (await watch.health()).standing("relay", None).state is State.HALF_OPEN
        await watch.tell_until(State.CLOSED, relayed)
        assert (await watch.health()).standing("relay", None).state is State.CLOSED
    # of two that judge, each change was made by one
    assert {state: transitions_to(state) - before for state, before in changes.items()} == {
        State.OPEN: 2,
        State.HALF_OPEN: 2,
        State.CLOSED: 1,
    }
    assert (await watch.breakers.all())[RELAY].version == 5


def transitions_to(state: State) -> float:
    labels = {"of": "transport", "state": str(state)}
    return REGISTRY.get_sample_value("posthorn_breaker_transitions_total", labels) or 0.0


async def test_complaints_make_a_domain_poor_and_the_hours_are_what_the_slots_say(router: Router) -> None:
    fine = [an_event(at=now(), sender="us@fine.test") for _ in range(9)]
    shop = [an_event(at=now(), sender="us@shop.test") for _ in range(9)]
    complaints = [an_event(EventType.COMPLAINED, now(), sender="us@shop.test", stage=None, route=None) for _ in "ab"]
    async with watched(router) as watch:

        async def is_poor() -> bool:
            return (await watch.health()).reputation("w1", "shop.test") is Reputation.POOR

        await watch.tell(*fine, *shop, *complaints, *complaints)
        await eventually(is_poor)
        assert (await watch.health()).reputation("w1", "fine.test") is Reputation.GOOD
        assert (await watch.health()).reputation("w2", "shop.test") is Reputation.GOOD
        sums = await watch.hours.of_domains([("w1", "shop.test"), ("w2", "fine.test")], now() - timedelta(days=7))
        assert set(sums) == {("w1", "shop.test")}
        assert +sums["w1", "shop.test"] == Counter(attempts=9, accepted=9, ms_100=9, complained=2)
        # what is complained of is forgotten with its window
        await router.deployment.database("router")["health_slots"].delete_many({})
        await router.deployment.database("router")["health_hours"].update_many(
            {}, {"$set": {"hour": now() - timedelta(days=7, hours=1)}}
        )

        async def is_good() -> bool:
            return (await watch.health()).reputation("w1", "shop.test") is Reputation.GOOD

        await eventually(is_good)
