"""Mail leaves a way that has stopped working, tries it again, and comes back: decided from what became of mail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from services.router.health import State
from services.router.health.breaker import Breaker
from services.router.health.store.breakers import Breakers
from services.router.routes.model import Quarantine, RuleSet
from shared.contracts.entities import Kind
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import Message, Route, VerdictKind
from shared.contracts.topics import EVENTS, Lane, Stream, accepted
from tests.fixtures.deployment import eventually
from tests.fixtures.messages import a_message
from tests.integration.router.conftest import Router
from tests.integration.router.test_health import QUICK
from tests.integration.router.test_routing import default_route, smart_host

Answers = Callable[[Route], EventType]
FAILED = {"stage": "connect", "class": "route_down", "scope": "transport"}
TAKEN = {"stage": "dot", "code": 250, "timings": {"dot": 5}}


class Pipeline:
    """Messages into a router; what comes out is told of as the sender would, by what the hosts answer."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._breakers = Breakers(router.deployment.database("router"))
        self._read: dict[Lane, int] = {}

    async def route(self, number: int, lane: Lane = Lane.STANDARD, sender: str = "us@shop.test") -> list[Message]:
        """New messages, as they were routed."""
        stream = Stream.SECURITY if lane is Lane.CRITICAL else Stream.PRODUCT
        made = [a_message(lane=lane, stream=stream, sender=sender) for _ in range(number)]
        await self._router.publish(accepted(lane), *made)
        before = self._read.get(lane, 0)
        found = await self._router.routed(lane, before + number)
        self._read[lane] = before + number
        return found[before:]

    async def send(self, number: int, answers: Answers) -> list[Route]:
        """Routes messages and tells what became of them; their routes."""
        messages = await self.route(number)
        events = [_ended(message, answers) for message in messages]
        await self._router.deployment.publish(EVENTS, [(each.message_id, each.encode(), {}) for each in events])
        return [message.route for message in messages if message.route is not None]

    async def breaker(self, transport: str) -> Breaker:
        return (await self._breakers.of_transport(transport))[transport, None]


def _ended(message: Message, answers: Answers) -> Event:
    assert message.route is not None
    type_ = answers(message.route)
    said = FAILED if type_ is EventType.DEFERRED else TAKEN
    return event_of(message, type_, datetime.now(UTC), {**said, "route": message.route.model_dump(mode="json")})


@pytest.fixture
async def pipeline(router: Router) -> AsyncIterator[Pipeline]:
    await router.workspace()
    for id_ in ("first", "second", "slow-lane"):
        await smart_host(router, id_)
    await default_route(router, "first", "second")
    async with running(router):
        yield Pipeline(router)


@asynccontextmanager
async def running(router: Router) -> AsyncIterator[None]:
    async with router.running("route", "health", **QUICK):
        yield


def all_well(route: Route) -> EventType:
    return EventType.RELAYED


def first_is_down(route: Route) -> EventType:
    return EventType.DEFERRED if route.transport == "first" else EventType.RELAYED


async def test_mail_fails_over_and_returns(pipeline: Pipeline) -> None:
    assert {route.transport for route in await pipeline.send(5, all_well)} == {"first"}

    async def has_left() -> list[Route] | None:
        routes = await pipeline.send(5, first_is_down)
        return routes if {route.transport for route in routes} == {"second"} else None

    routes = await eventually(has_left, every=0.2, what="all mail takes the second")
    assert routes is not None
    lost = {candidate.transport: candidate.lost for route in routes for candidate in route.candidates}
    assert str(lost["first"]).startswith("its breaker is ")
    assert lost["second"] is None

    async def is_back() -> bool:
        return {route.transport for route in await pipeline.send(10, all_well)} == {"first"}

    await eventually(is_back, every=0.2, what="all mail takes the first again")
    breaker = await pipeline.breaker("first")
    assert (breaker.state, breaker.openings) == (State.CLOSED, 0)
    assert breaker.version >= 3  # it was open and half-open before


async def test_a_poor_sending_domain_is_quarantined_and_what_is_critical_goes_on(
    pipeline: Pipeline, router: Router
) -> None:
    quarantine = RuleSet(quarantine=Quarantine(pool="slow-lane"))
    await router.entities.put(Kind.ROUTE, "platform", None, quarantine.to_data())
    messages = await pipeline.route(6)
    told = [_ended(message, all_well) for message in messages]
    complaints = [
        event_of(message, EventType.COMPLAINED, datetime.now(UTC), {"feedback_type": "abuse"})
        for message in messages[:2]
    ]
    assert {message.route.transport for message in messages if message.route} == {"first"}
    records = [(each.message_id, each.encode(), {}) for each in (*told, *complaints)]
    await router.deployment.publish(EVENTS, records)

    async def is_quarantined() -> bool:
        (message,) = await pipeline.route(1)
        return message.route is not None and message.route.transport == "slow-lane"

    await eventually(is_quarantined, every=0.2)
    (critical,) = await pipeline.route(1, Lane.CRITICAL)
    (another,) = await pipeline.route(1, sender="us@fine.test")
    assert [each.route and each.route.transport for each in (critical, another)] == ["first", "first"]
    held = RuleSet(quarantine=Quarantine(hold=True))
    await router.entities.put(Kind.ROUTE, "platform", None, held.to_data())

    async def is_held() -> bool:
        (message,) = await pipeline.route(1)
        return message.verdict is not None and message.verdict.kind is VerdictKind.WAIT_UNTIL

    await eventually(is_held, every=0.2)
