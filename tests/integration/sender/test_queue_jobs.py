"""Jobs: retry, bounce and reroute, their races, and a job that is cut off in the middle."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sender.destinations.adaptation import Slow, Standing
from services.sender.store.jobs import Jobs
from shared.contracts.entities import Kind
from shared.contracts.messages import Reroute, TlsMode
from shared.tokens import uuid7
from tests.fixtures.deployment import eventually
from tests.fixtures.scripted_smtp import ScriptedServer, Silence
from tests.integration.sender.patient_server import patient_server
from tests.integration.sender.queue_world import open_queue, waiting
from tests.integration.sender.standing import standing
from tests.integration.sender.test_queue_holds import state_of
from tests.integration.sender.world import World


async def test_a_retry_is_due_now(world: World) -> None:
    message, other = await world.message("tempfail+now@sink.test"), await world.message("tempfail+x@sink.test")
    async with open_queue(world) as queue, world.sender(retry_delays=[600]):
        await world.clear(message, other)
        for each in (message, other):
            await state_of(world, each, "deferred")
        job = await queue.first.act("retry", messages=[message.message_id])
        assert (job["changed"], job["refused"], job["actor"]["id"]) == (1, {}, "key-w1")
        (again,) = await world.returned()
    assert (again.message_id, again.pass_, again.attempt) == (message.message_id, 1, 1)
    assert (await world.delivery(other))["state"] == "deferred"


async def test_the_operator_forces_a_retry_at_a_destination_that_is_left_alone(world: World) -> None:
    deferred, waits = await world.message("ok+deferred@sink.test"), await world.message("ok+waits@sink.test")
    database = world.deployment.database("sender")
    await database["deliveries"].insert_many([waiting(deferred, "deferred"), waiting(waits)])
    until = datetime.now(UTC) + timedelta(minutes=5)
    slow = Slow(until, 1, 0.1, "421 slowly")
    await standing(world, Standing(window=1, step=3, until=until, why="421 busy", slow=slow))
    async with open_queue(world) as queue, world.sender():
        refused = await queue.first.ask("POST", "/retry", json={"domain": "sink.test", "force": True})
        assert (refused.status_code, refused.json()["code"]) == (403, "operator_only")
        job = await queue.operator.act("retry", rollup="static:*.test", force=True)
        assert (job["changed"], job["force"]) == (1, True)
        await world.events(waits, "delivered")
        (again,) = await world.returned()
    assert again.message_id == deferred.message_id


async def test_a_bounce_ends_what_waits_in_any_state_and_what_comes_later(world: World) -> None:
    states = ("waiting", "deferred", "released", "held")
    messages = {state: await world.message(f"ok+{state}@sink.test") for state in states}
    late = await world.message("ok+late@sink.test")
    others = await world.message("ok+others@sink.test", workspace_id="w2")
    deliveries = world.deployment.database("sender")["deliveries"]
    await deliveries.insert_many(
        [waiting(each, state, **({"hold": "h"} if state == "held" else {})) for state, each in messages.items()]
    )
    async with open_queue(world) as queue:
        await queue.operator.begin("hold", rollup="static:*.test", reason="nothing goes")
        ids = [each.message_id for each in (*messages.values(), late, others)]
        begun = await queue.first.begin("bounce", messages=ids, reason="sent by mistake")
        async with world.sender():
            job = await queue.first.done(begun)
            assert (job["changed"], job["refused"]) == (4, {"unknown": 2})
            assert [each["id"] for each in job["left"]] == sorted([late.message_id, others.message_id])
            for each in messages.values():
                (*_, event) = await world.events(each, "failed")
                said = {name: event.data[name] for name in ("reason", "by", "detail")}
                assert said == {"reason": "bounced", "by": "workspace", "detail": "sent by mistake"}
            await world.clear(late, others)
            (event,) = await world.events(late, "failed")
            assert event.data["reason"] == "bounced"
            await state_of(world, others, "held")
    counts = (await world.sink.http.get("/counts")).json()
    assert counts["attempts"] == {}


async def test_what_is_between_its_mark_and_its_reply_is_not_bounced(world: World) -> None:
    async with ScriptedServer({"DOT": Silence()}) as server, open_queue(world) as queue:
        message = await world.message(route=world.route(server.port, tls=TlsMode.DISABLED))
        async with world.sender(lease_seconds=30, dot_timeout_seconds=4):
            await world.clear(message)

            async def dot_sent() -> bool:
                return bool(server.sessions and server.sessions[0].dots)

            await eventually(dot_sent)
            job = await queue.first.act("bounce", messages=[message.message_id], reason="no")
            assert (job["changed"], job["left"]) == (0, [{"id": message.message_id, "reason": "under_way"}])
            events = await world.events(message, "ambiguous")
    assert "failed" not in [str(event.type) for event in events]


async def test_what_has_not_come_to_its_dot_is_bounced_and_its_dot_does_not_leave(world: World) -> None:
    async with patient_server("RCPT") as server, open_queue(world) as queue, world.sender(lease_seconds=60):
        message = await world.message(route=world.route(server.port, tls=TlsMode.DISABLED))
        await world.clear(message)
        await server.is_asked()
        job = await queue.operator.act("bounce", domain="sink.test", reason="no")
        assert job["changed"] == 1
        server.told.set()
        events = await world.events(message, "failed")
    assert ([str(event.type) for event in events], server.dots) == (["failed"], 0)


async def test_under_a_storm_of_bounces_each_message_is_delivered_or_bounced(world: World) -> None:
    messages = [await world.message(f"ok+{number}@sink.test", content_id=await world.content()) for number in range(80)]
    deliveries = world.deployment.database("sender")["deliveries"]

    async def all_ended() -> bool:
        return await deliveries.count_documents({"state": "ended"}) == len(messages)

    async with open_queue(world) as queue, world.sender(), world.sender():
        await world.clear(*messages)
        for _ in range(3):
            await queue.operator.begin("bounce", rollup="static:*.test", reason="no")
            await asyncio.sleep(0)
        await eventually(all_ended)
    bounced = {each["_id"] async for each in deliveries.find({"last_type": "failed"})}
    counts = (await world.sink.http.get("/counts")).json()["deliveries"]
    assert len(counts) + len(bounced) == len(messages)
    assert not {each.recipient for each in messages if each.message_id in bounced} & set(counts)
    assert set(counts.values()) <= {1}


async def test_a_reroute_goes_round_by_the_router_with_its_wish(world: World) -> None:
    states = ("waiting", "deferred", "held")
    messages = {state: await world.message(f"ok+{state}@sink.test") for state in states}
    deliveries = world.deployment.database("sender")["deliveries"]
    async with open_queue(world) as queue:
        held = await queue.operator.begin("hold", messages=[messages["held"].message_id], reason="wait")
        await deliveries.insert_many(
            [
                waiting(each, state, **({"hold": held["id"]} if state == "held" else {}))
                for state, each in messages.items()
            ]
        )
        begun = await queue.first.begin("reroute", messages=[each.message_id for each in messages.values()])
        async with world.sender():
            job = await queue.first.done(begun)
            assert job["changed"] >= 2  # what waited may have begun before
            again = await world.returned(at_least=1)
            deferred = {each.message_id: each for each in again}[messages["deferred"].message_id]
            assert (deferred.pass_, deferred.reroute) == (1, Reroute(avoid="direct"))
            assert (await world.delivery(messages["held"]))["reroute"] == {"avoid": "direct"}
            await queue.operator.act("release", hold=held["id"])

            async def let_go() -> bool:
                return messages["held"].message_id in {each.message_id for each in await world.returned()}

            await eventually(let_go)
            assert all(each.reroute for each in await world.returned())


async def test_a_transport_that_a_workspace_may_not_use_is_refused(world: World) -> None:
    await world.know(Kind.TRANSPORT, "theirs", {"name": "t", "kind": "direct"}, "w2")
    async with open_queue(world) as queue:
        for to in ("theirs", "nobodys"):
            reply = await queue.first.ask("POST", "/reroute", json={"domain": "a.example", "to": to})
            assert (reply.status_code, reply.json()["errors"][0]["code"]) == (422, "unknown_transport")
        assert (await queue.second.begin("reroute", domain="a.example", to="theirs"))["to"] == "theirs"


async def test_a_job_that_was_cut_off_goes_on_and_counts_each_message_once(world: World) -> None:
    """Its first batch was done and not recorded by a process that was killed; another process goes on from there."""
    count = 600
    template = await world.message()
    now, deliveries = datetime.now(UTC), world.deployment.database("sender")["deliveries"]
    documents = []
    for number in range(count):
        id_ = uuid7()
        message = template.with_changes(message_id=id_, recipient=f"n{number}@bulk.example")
        documents.append(waiting(message, "deferred", number, due_at=now + timedelta(days=1)))
    await deliveries.insert_many(documents)
    async with open_queue(world) as queue:
        job = await queue.first.begin("bounce", domain="bulk.example", reason="no")
        jobs = Jobs(world.deployment.database("sender"), 0.2)
        taken = await jobs.claim()
        assert taken is not None
        ids = sorted(each["_id"] for each in documents)[:500]
        # deferred is the third leg of a bounce, its standard lane the second half of it
        behind = [5, "direct|static:*.test", "w1", ids[-1]]
        assert await jobs.begin(taken, ids, behind)
        await deliveries.update_many({"_id": {"$in": ids[:300]}}, {"$set": {"state": "ended", "job": job["id"]}})
        assert (await queue.first.get(f"/jobs/{job['id']}"))["state"] == "open"
        async with world.sender(), world.sender():
            done = await queue.first.done(job)
        assert (done["changed"], done["refused"]) == (count, {})
        assert not await jobs.go_on(taken, None, 5, {})
    assert await deliveries.count_documents({"state": "ended"}) == count
    assert done["ended_at"] is not None


async def test_two_senders_do_each_job_once(world: World) -> None:
    messages = [await world.message(f"n{number}@bulk.example") for number in range(40)]
    deliveries = world.deployment.database("sender")["deliveries"]
    await deliveries.insert_many([waiting(each, "deferred", place) for place, each in enumerate(messages)])
    async with open_queue(world) as queue, world.sender(), world.sender():
        begun = [await queue.operator.begin("retry", domain="bulk.example") for _ in range(3)]
        done = [await queue.operator.done(job) for job in begun]
        again = await world.returned(at_least=len(messages))
    assert sorted(each.message_id for each in again) == sorted(each.message_id for each in messages)
    assert done[0]["changed"] + done[1]["changed"] + done[2]["changed"] >= len(messages)
    assert {each.pass_ for each in again} == {1}


async def test_what_was_asked_is_kept_with_who_asked(world: World) -> None:
    async with open_queue(world) as queue, world.sender():
        await queue.first.act("retry", domain="a.example")
        await queue.operator.act("bounce", domain="a.example", reason="no")
        everybodys: list[dict[str, Any]] = (await queue.operator.get("/jobs"))["data"]
        own = (await queue.first.get("/jobs"))["data"]
        assert (await queue.second.get("/jobs"))["data"] == []
        assert (await queue.second.ask("GET", f"/jobs/{own[0]['id']}")).status_code == 404
        assert (await queue.first.ask("GET", f"/jobs/{everybodys[0]['id']}")).status_code == 404
    assert [(job["action"], job["actor"]["kind"]) for job in everybodys] == [
        ("bounce", "operator"),
        ("retry", "api_key"),
    ]
    assert [job["id"] for job in own] == [everybodys[1]["id"]]
    assert own[0]["selection"] == {"workspace": "w1", "domain": "a.example"}
    kept = await world.deployment.database("sender")["jobs"].find_one({"_id": own[0]["id"]})
    assert kept is not None
    assert kept["purge_at"] > datetime.now(UTC) + timedelta(days=300)
