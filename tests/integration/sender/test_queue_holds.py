"""Holds: what is held is not attempted, by whichever process, until it is released, or its hold or its life ends."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sender.queue import asking
from services.sender.queue.lifting import Lifting
from services.sender.store.holds import Holds
from services.sender.store.jobs import Jobs
from shared.contracts.messages import Message, TlsMode, Verdict, VerdictKind
from tests.fixtures.deployment import eventually
from tests.integration.sender.patient_server import patient_server
from tests.integration.sender.queue_world import Callers, back_from_router, open_queue, waiting
from tests.integration.sender.world import World


async def state_of(world: World, message: Message, state: str) -> dict[str, Any]:
    async def is_so() -> dict[str, Any]:
        found = await world.delivery(message)
        return found if found.get("state") == state else {}

    return await eventually(is_so, what=f"a delivery that is {state}")


async def test_a_hold_keeps_what_is_there_and_what_comes_until_it_is_released(world: World) -> None:
    deferred = await world.message("tempfail+there@sink.test")
    async with open_queue(world) as queue, world.sender(retry_delays=[600]):
        await world.clear(deferred)
        await state_of(world, deferred, "deferred")
        job = await queue.operator.act("hold", domain="sink.test", reason="their hosts are down")
        assert (job["changed"], job["refused"]) == (1, {})
        (hold,) = (await queue.operator.get("/holds"))["data"]
        assert (hold["id"], hold["by"], hold["selection"]) == (job["id"], "operator", {"domain": "sink.test"})
        comes = await world.message("ok+comes@sink.test")
        await world.clear(comes)
        for message in (deferred, comes):
            assert (await state_of(world, message, "held"))["hold"] == hold["id"]
        *_, event = await world.events(comes, "queued")
        said = {name: event.data[name] for name in ("reason", "hold", "by", "detail")}
        assert said == {"reason": "held", "hold": hold["id"], "by": "operator", "detail": "their hosts are down"}
        assert event.attempt == 0
        await world.events(deferred, "queued")
        found = {each["id"]: each for each in await queue.first.messages(state="held")}
        assert {found[each.message_id]["hold"] for each in (deferred, comes)} == {hold["id"]}
        assert (await world.attempts_at_sink("ok+comes@sink.test"), len(found)) == (0, 2)
        released = await queue.operator.act("release", hold=hold["id"])
        assert (released["changed"], released["holds"]) == (2, [hold["id"]])
        assert (await queue.operator.get("/holds"))["data"] == []
        again = await world.returned()
        assert [(each.message_id, each.pass_) for each in again] == [(comes.message_id, 1)]
        await back_from_router(world)
        *_, delivered = await world.events(comes, "delivered")
    assert (delivered.pass_, delivered.attempt) == (1, 1)
    # what was deferred goes on as its schedule has it
    kept = await world.delivery(deferred)
    assert (kept["state"], kept["pass"], "hold" in kept) == ("deferred", 0, False)
    assert kept["due_at"] > datetime.now(UTC) + timedelta(seconds=300)


async def test_a_hold_stops_an_attempt_that_is_under_way_before_its_dot(world: World) -> None:
    async with patient_server("RCPT") as server, open_queue(world) as queue, world.sender(lease_seconds=60):
        message = await world.message(route=world.route(server.port, tls=TlsMode.DISABLED))
        await world.clear(message)
        await server.is_asked()
        job = await queue.operator.act("hold", messages=[message.message_id], reason="wait")
        assert job["left"] == [{"id": message.message_id, "reason": "under_way"}]
        server.told.set()
        held = await state_of(world, message, "held")
    assert (held["attempt"], held["hold"], server.dots) == (0, job["id"], 0)


async def test_claims_of_every_process_leave_what_is_held(world: World) -> None:
    messages = [await world.message(f"ok+{number}@sink.test") for number in range(20)]
    deliveries = world.deployment.database("sender")["deliveries"]
    async with open_queue(world) as queue:
        await queue.operator.begin("hold", workspace="w1", reason="wait")
        await deliveries.insert_many([waiting(message, number=place) for place, message in enumerate(messages)])
        free = await world.message("ok+free@sink.test", workspace_id="w2")
        async with world.sender(), world.sender():
            await world.clear(free)
            await world.events(free, "delivered")

            async def all_held() -> bool:
                return await deliveries.count_documents({"state": "held"}) == len(messages)

            await eventually(all_held)
    counts = (await world.sink.http.get("/counts")).json()
    assert list(counts["attempts"]) == ["ok+free@sink.test"]


async def test_a_hold_ends_by_itself_and_a_life_ends_under_it(world: World) -> None:
    """An hour goes by in the database."""
    hour = datetime.now(UTC) + timedelta(hours=1)
    dies, goes_on = await world.message("ok+dies@sink.test", expires_at=hour), await world.message(workspace_id="w2")
    database = world.deployment.database("sender")
    async with open_queue(world) as queue, world.sender():
        await queue.first.act("hold", workspace="w1", reason="for long")
        short = await queue.second.act("hold", workspace="w2", reason="for an hour", until=hour.isoformat())
        await world.clear(dies, goes_on)
        for message in (dies, goes_on):
            held = await state_of(world, message, "held")
            assert abs(held["due_at"] - hour) < timedelta(seconds=1)
        now = datetime.now(UTC)
        await database["holds"].update_one({"_id": short["id"]}, {"$set": {"until": now}})
        other = await queue.operator.act("hold", messages=[message_id()], reason="all processes know when it is done")
        await queue.operator.act("release", hold=other["id"])
        await database["deliveries"].update_many({"state": "held"}, {"$set": {"due_at": now}})
        again = {each.message_id: each for each in await world.returned(at_least=2)}
        expired = Verdict(kind=VerdictKind.EXPIRED, reason="expired", by="router", checked_at=now)
        await world.clear(
            again[dies.message_id].with_changes(verdict=expired),
            again[goes_on.message_id].with_changes(route=goes_on.route, verdict=goes_on.verdict),
        )
        await world.events(goes_on, "delivered")
        (*_, event) = await world.events(dies, "failed")
        (hold,) = (await queue.operator.get("/holds"))["data"]
    assert event.data["reason"] == "expired"
    assert hold["workspace_id"] == "w1"


async def test_one_message_of_a_hold_is_released_and_the_others_stay(world: World) -> None:
    one, other = await world.message("ok+one@sink.test"), await world.message("ok+other@sink.test")
    async with open_queue(world) as queue, world.sender():
        job = await queue.first.act("hold", messages=[one.message_id, other.message_id], reason="look at them")
        assert job["refused"] == {"unknown": 2}
        await world.clear(one, other)
        for message in (one, other):
            await state_of(world, message, "held")
        await queue.first.act("release", messages=[one.message_id])
        await back_from_router(world)
        await world.events(one, "delivered")
        (hold,) = (await queue.first.get("/holds"))["data"]
        assert hold["selection"] == {"messages": [other.message_id], "workspace": "w1"}
        assert (await world.delivery(other))["state"] == "held"


async def held_message(world: World, queue: Callers) -> tuple[Message, str]:
    """A message, and the hold that it is under."""
    hold = await queue.first.act("hold", domain="sink.test", reason="look at it")
    message = await world.message("ok+held@sink.test")
    await world.clear(message)
    await state_of(world, message, "held")
    return message, hold["id"]


async def test_the_upkeep_leaves_to_a_release_what_that_lifts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the job and the end of its hold the upkeep has its turns."""
    turns, turn, add, lift = 0, Lifting.turn, Jobs.add, Holds.lift

    async def counted(self: Lifting) -> bool:
        nonlocal turns
        more = await turn(self)
        turns += 1
        return more

    async def some_turns() -> None:
        before = turns

        async def over() -> bool:
            return turns > before + 1  # one has begun since

        await eventually(over)

    async def added_late(self: Jobs, document: Any) -> Any:
        await some_turns()
        return await add(self, document)

    async def lifted_long_ago(self: Holds, *arguments: Any) -> None:
        await lift(self, *arguments)
        await some_turns()

    monkeypatch.setattr(Lifting, "turn", counted)
    async with open_queue(world) as queue, world.sender():
        message, hold = await held_message(world, queue)
        monkeypatch.setattr(Jobs, "add", added_late)
        monkeypatch.setattr(Holds, "lift", lifted_long_ago)
        job = await queue.first.act("release", hold=hold)
        assert (job["changed"], job["refused"]) == (1, {})
        await back_from_router(world)
        await world.events(message, "delivered")


async def test_a_release_is_done_whoever_dies_between_its_job_and_the_end_of_its_hold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*arguments: object) -> None:
        raise ConnectionError("killed")

    async with open_queue(world) as queue, world.sender():
        message, hold = await held_message(world, queue)
        monkeypatch.setattr(asking, "lift", die)
        with suppress(ConnectionError):
            await queue.first.ask("POST", "/release", json={"hold": hold})
        await back_from_router(world)
        await world.events(message, "delivered")
        (job, *_) = (await queue.first.get("/jobs"))["data"]
        assert ((await queue.first.done(job))["changed"], (await queue.first.get("/holds"))["data"]) == (1, [])


async def test_what_is_held_by_a_hold_that_is_gone_is_let_go(world: World) -> None:
    """Who had not heard of the release, or who was killed in the middle of it, leaves nothing behind."""
    message = await world.message("ok+left@sink.test")
    await world.deployment.database("sender")["deliveries"].insert_one(waiting(message, "held", hold="gone"))
    async with world.sender():
        (again,) = await world.returned()
    assert (again.message_id, again.pass_) == (message.message_id, 1)


async def test_a_workspace_lifts_its_own_holds_and_no_others(world: World) -> None:
    async with open_queue(world) as queue, world.sender():
        theirs = await queue.second.act("hold", domain="sink.test", reason="mine")
        platforms = await queue.operator.act("hold", domain="sink.test", reason="everybody's")
        for hold in (theirs["id"], platforms["id"], message_id()):
            reply = await queue.first.ask("POST", "/release", json={"hold": hold})
            assert reply.status_code == 422
            assert reply.json()["errors"][0]["code"] == "unknown_hold"
        job = await queue.first.act("release", domain="sink.test")
        assert (job["holds"], (await queue.first.get("/holds"))["data"]) == ([], [])
        job = await queue.operator.act("release", domain="sink.test")
        assert set(job["holds"]) == {theirs["id"], platforms["id"]}


def message_id() -> str:
    return "01890000-0000-7000-8000-000000000000"
