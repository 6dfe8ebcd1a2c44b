"""Commands: what waits ends by them, what is under way does before its next dot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.contracts.commands import Command, CommandType
from shared.contracts.messages import Message
from tests.fixtures.deployment import eventually
from tests.integration.sender.world import World


def command(type_: CommandType, message: Message) -> Command:
    return Command(
        command_id=f"{type_}:{message.message_id}", type=type_, occurred_at=datetime.now(UTC), message=message
    )


async def state_of(world: World, message: Message, state: str) -> dict[str, Any]:
    async def is_so() -> dict[str, Any]:
        found = await world.delivery(message)
        return found if found.get("state") == state else {}

    return await eventually(is_so, what=f"a delivery that is {state}")


async def test_an_expired_command_ends_what_waits_and_leaves_a_tombstone_for_what_has_not_come(world: World) -> None:
    waits = await world.message("tempfail+waits@sink.test")
    unseen = await world.message("ok+unseen@sink.test")
    async with world.sender(retry_delays=[600]):
        await world.clear(waits)
        await world.events(waits, "deferred")
        for message in (waits, unseen):
            await world.command(command(CommandType.EXPIRE, message))
        await world.events(waits, "failed")
        (event,) = await world.events(unseen, "failed")
        await world.clear(unseen)
        after = await world.message("ok+after@sink.test")
        await world.clear(after)
        await world.events(after, "delivered")
    assert event.data["reason"] == "expired"
    assert await world.attempts_at_sink("ok+unseen@sink.test") == 0


async def test_a_canceled_message_that_was_deferred_ends_in_its_own_pass(world: World) -> None:
    message = await world.message("tempfail+cancel@sink.test")
    async with world.sender(retry_delays=[0.2, 600]):
        await world.clear(message)
        (again,) = await world.returned()
        await world.clear(again.with_changes(route=world.route(), verdict=message.verdict))
        await world.events(message, "deferred")
        await state_of(world, message, "deferred")
        await world.command(command(CommandType.CANCEL, message))
        events = await world.events(message, "canceled")
    assert [str(event.type) for event in events][-1] == "canceled"
    assert (events[-1].pass_, events[-1].data["reason"]) == (1, "requested")
    assert "flagged" not in await world.delivery(message)


async def test_the_dot_of_a_message_that_is_canceled_during_its_attempt_does_not_leave(world: World) -> None:
    message = await world.message("tarpit+cancel@sink.test")
    async with world.sender(lease_seconds=30):
        await world.clear(message)
        await state_of(world, message, "leased")
        await world.command(command(CommandType.CANCEL, message))
        await world.events(message, "canceled")
        await state_of(world, message, "ended")
    assert await world.at_sink("tarpit+cancel@sink.test") == []


async def test_what_was_delivered_is_not_canceled(world: World) -> None:
    message = await world.message("ok+done@sink.test")
    async with world.sender():
        await world.clear(message)
        await world.events(message, "delivered")
        await state_of(world, message, "ended")
        await world.command(command(CommandType.CANCEL, message))
        after = await world.message("ok+after@sink.test")
        await world.command(command(CommandType.CANCEL, after))
        await world.events(after, "canceled")
        assert [str(event.type) for event in await world.events(message)] == ["delivered"]
