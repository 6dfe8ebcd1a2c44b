"""What waits for a smart host that is left alone goes back to the router for another way; nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.sender.destinations.adaptation import Standing
from shared.contracts.messages import Candidate, LastAttempt, Message, Route
from tests.fixtures.deployment import eventually
from tests.integration.sender.queue_world import waiting
from tests.integration.sender.standing import standing
from tests.integration.sender.world import World

SMART = "relay|smarthost:relay"
LEFT = LastAttempt(transport="other", outcome="it is left alone after: no", scope="transport", untried=True)


def candidates(*ids: str) -> list[Candidate]:
    return [
        Candidate(transport=id_, name=id_, kind="smarthost", score=round(1 - place / len(ids), 3))
        for place, id_ in enumerate(ids)
    ]


def by_relay(world: World, *ids: str) -> Route:
    return world.route(
        transport="relay", kind="smarthost", rollup="smarthost:relay", candidates=candidates("relay", *ids)
    )


async def put(world: World, destination: str, *messages: Message) -> None:
    """Messages that wait for a destination that is left alone for minutes."""
    deliveries = world.deployment.database("sender")["deliveries"]
    for message in messages:
        await deliveries.insert_one(waiting(message, destination=destination))
    until = datetime.now(UTC) + timedelta(minutes=5)
    await standing(world, Standing(window=1, until=until, why="connection refused"), destination)


async def stay(world: World, *messages: Message) -> bool:
    """Whether all of them were looked at and stay."""
    looked_at: dict[str, Any] = {"_id": {"$in": [each.message_id for each in messages]}, "stays": True}
    found = await world.deployment.database("sender")["deliveries"].count_documents(looked_at)
    return bool(found == len(messages))


async def test_what_has_another_way_takes_it_and_burns_no_attempt(world: World) -> None:
    route = by_relay(world, "direct")
    goes = await world.message(route=route, attempt=2)
    alone = await world.message(route=by_relay(world))
    came = await world.message(route=route, last=LEFT)  # from one that is left alone, too
    await put(world, SMART, goes, alone, came)
    async with world.sender():
        (again,) = await world.returned()
        await eventually(lambda: stay(world, alone, came))
    assert (again.message_id, again.pass_) == (goes.message_id, 1)
    assert again.last is not None
    assert (again.last.transport, again.last.scope, again.last.untried) == ("relay", "transport", True)
    assert again.last.outcome == "it is left alone after: connection refused"


async def test_what_waits_for_a_recipients_hosts_goes_on_waiting(world: World) -> None:
    message = await world.message(route=world.route(candidates=candidates("direct", "relay")))
    smart = await world.message(route=by_relay(world))
    await put(world, "direct|static:*.test", message)
    await put(world, SMART, smart)
    async with world.sender():
        await eventually(lambda: stay(world, smart))
        found = await world.deployment.database("sender")["deliveries"].find_one({"_id": message.message_id})
    assert found is not None
    assert (found["state"], "flagged" in found, "stays" in found) == ("waiting", False, False)
