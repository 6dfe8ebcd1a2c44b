"""Replays: what has ended is posted again, once for each replay, behind what is fresh."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from services.webhooks.rules import webhook_id
from services.webhooks.store.deliveries import Deliveries, Wanted
from services.webhooks.store.tasks import Tasks
from services.webhooks.tasks.task import REPLAYED, Task, TaskKind
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.integration.webhooks.world import World, an_event, running_world

LONG_AGO = "2026-01-01T00:00:00Z"


async def done(world: World, endpoint: dict[str, Any], task: dict[str, Any], kind: str = "replays") -> dict[str, Any]:
    """A task as it is once it has ended."""

    async def ended() -> dict[str, Any] | None:
        shown = await world.ask("GET", f"{endpoint['id']}/{kind}/{task['id']}", 200)
        return shown if shown["state"] != "running" else None

    return await eventually(ended)  # type: ignore[return-value]


async def test_what_failed_is_posted_again_and_what_succeeded_only_if_all_is_asked_for(
    world: World, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", *[Answer(500)] * 9, Answer(200))
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    failed = [an_event(world.workspace_id) for _ in range(3)]
    await world.publish(*failed)
    assert set(await world.ended(endpoint, *failed)) == {"exhausted"}
    fine = an_event(world.workspace_id)
    await world.publish(fine)
    assert await world.ended(endpoint, fine) == ["succeeded"]

    replay = await world.ask("POST", f"{endpoint['id']}/replay", 202, {"since": LONG_AGO})
    assert (replay["state"], replay["states"], replay["events"]) == ("running", "failed", [])
    ended = await done(world, endpoint, replay)
    assert (ended["state"], ended["queued"], ended["reason"]) == ("done", 3, None)
    assert set(await world.ended(endpoint, *failed)) == {"succeeded"}
    posted = [request.headers["webhook-id"] for request in receiver.at("/hook")]
    assert sorted(map(posted.count, {webhook_id(each.event_id, endpoint["id"]) for each in failed})) == [4, 4, 4]
    assert len({request.body for request in receiver.at("/hook")}) == 4

    everything = await world.ask("POST", f"{endpoint['id']}/replay", 202, {"since": LONG_AGO, "states": "all"})
    assert (await done(world, endpoint, everything))["queued"] == 4
    await eventually(lambda: _posted(receiver, 17))
    assert [each["id"] for each in await world.listed(f"{endpoint['id']}/replays")] == [everything["id"], replay["id"]]
    none_of_these = {"since": LONG_AGO, "states": "all", "events": ["email.bounced"]}
    assert (await done(world, endpoint, await world.ask("POST", f"{endpoint['id']}/replay", 202, none_of_these)))[
        "queued"
    ] == 0
    before = {"since": LONG_AGO, "until": "2026-01-02T00:00:00Z", "states": "all"}
    assert (await done(world, endpoint, await world.ask("POST", f"{endpoint['id']}/replay", 202, before)))[
        "queued"
    ] == 0


async def test_one_that_was_killed_in_a_batch_goes_on_and_posts_each_once(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", *[Answer(500)] * 4, Answer(200))
    async with running_world(deployment, webhook_schedule=[0]) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        events = [an_event(world.workspace_id) for _ in range(4)]
        await world.publish(*events)
        assert set(await world.ended(endpoint, *events)) == {"exhausted"}
        database, now = deployment.database("webhooks"), datetime.now(UTC)
        since = now - timedelta(hours=1)
        task = Task(uuid7(), TaskKind.REPLAY, world.workspace_id, endpoint["id"], now, since, now, (), "failed")
        deliveries, dying = Deliveries(database), Tasks(database, 0.3)
        await dying.add(task)
        claimed = await eventually(lambda: dying.claim(TaskKind.REPLAY))
        wanted = Wanted(world.workspace_id, endpoint["id"], since=since, until=now)
        found = await deliveries.ended(wanted, REPLAYED["failed"], (), None, 2)
        await dying.begin(claimed, {"ids": [id_ for _, id_ in found], "behind": list(found[-1])})
        assert await deliveries.replay(task.id, [id_ for _, id_ in found]) == 2
        ended = await done(world, endpoint, {"id": task.id})
        assert (ended["state"], ended["queued"]) == ("done", 4)
        assert set(await world.ended(endpoint, *events)) == {"succeeded"}
        assert len(receiver.at("/hook")) == 8


async def test_fresh_ones_do_not_wait_for_a_replay(deployment: Deployment, receiver: HttpReceiver) -> None:
    gate = asyncio.Event()
    async with running_world(deployment, webhook_replay_at_once=4, webhook_endpoint_concurrency=1) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        events = [an_event(world.workspace_id) for _ in range(20)]
        await world.publish(*events)
        assert set(await world.ended(endpoint, *events)) == {"succeeded"}
        receiver.script("/hook", Answer(gate=gate))
        replay = await world.ask("POST", f"{endpoint['id']}/replay", 202, {"since": LONG_AGO, "states": "all"})

        async def four_wait() -> bool:
            return await world.jobs.count_documents({"state": "waiting"}) >= 3

        await eventually(four_wait)
        fresh = an_event(world.workspace_id)
        await world.publish(fresh)
        await eventually(lambda: world.job(fresh, endpoint))
        gate.set()
        receiver.script("/hook", Answer())
        assert (await done(world, endpoint, replay))["queued"] == 20
        await eventually(lambda: _posted(receiver, 41))
        ids = [request.headers["webhook-id"] for request in receiver.at("/hook")[20:]]
        assert ids.index(webhook_id(fresh.event_id, endpoint["id"])) <= 4


async def test_one_runs_at_a_time_and_may_be_canceled(deployment: Deployment, receiver: HttpReceiver) -> None:
    gate = asyncio.Event()
    async with running_world(deployment, webhook_replay_at_once=2) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        events = [an_event(world.workspace_id) for _ in range(6)]
        await world.publish(*events)
        await world.ended(endpoint, *events)
        receiver.script("/hook", Answer(gate=gate))
        replay = await world.ask("POST", f"{endpoint['id']}/replay", 202, {"since": LONG_AGO, "states": "all"})
        await eventually(lambda: _posted(receiver, 7))
        problem = await world.ask("POST", f"{endpoint['id']}/replay", 409, {"since": LONG_AGO})
        assert (problem["code"], replay["id"] in problem["detail"]) == ("already_running", True)
        path = f"{endpoint['id']}/replays/{replay['id']}"
        canceled = await world.ask("DELETE", path, 200)
        assert (canceled["state"], canceled["reason"]) == ("canceled", "asked")
        assert (await world.ask("DELETE", path, 409))["code"] == "ended"
        gate.set()
        begun = await world.jobs.find({"replays": replay["id"]}).to_list(None)
        assert 1 <= len(begun) <= 2
        other = await world.ask("POST", f"{endpoint['id']}/replay", 202, {"since": LONG_AGO})
        assert (await done(world, endpoint, other))["state"] == "done"
        assert await world.jobs.count_documents({"replays": replay["id"]}) == len(begun)
        assert (await world.ask("GET", path, 200))["queued"] <= len(begun)


async def test_what_cannot_be_replayed_is_refused(world: World, receiver: HttpReceiver) -> None:
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    path = f"{endpoint['id']}/replay"
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for body, pointers in (
        ({}, {"#/since"}),
        ({"since": "2026-01-01T00:00:00", "states": "odd", "events": ["x"]}, {"#/since", "#/states", "#/events/0"}),
        ({"since": later}, {"#/since"}),
        ({"since": LONG_AGO, "until": LONG_AGO}, {"#"}),
    ):
        problem = await world.ask("POST", path, 422, body)
        assert {fault["pointer"] for fault in problem["errors"]} == pointers
    await world.ask("POST", f"{uuid7()}/replay", 404, {"since": LONG_AGO})
    await world.ask("PATCH", endpoint["id"], 200, {"enabled": False})
    assert (await world.ask("POST", path, 409, {"since": LONG_AGO}))["code"] == "endpoint_disabled"


async def _posted(receiver: HttpReceiver, count: int) -> bool:
    return len(receiver.at("/hook")) >= count
