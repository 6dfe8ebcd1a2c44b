"""Endpoints that ask for less: by their settings, and by their answers."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.integration.webhooks.world import World, an_event, dispatching, running_world

SOON = {"webhook_schedule": [0, *[0.05] * 50]}


async def posted(receiver: HttpReceiver, path: str, count: int) -> bool:
    return len(receiver.at(path)) >= count


async def at_rest(world: World, endpoint: dict, waiting: int) -> bool:
    """Whether so many jobs wait for the endpoint, and nobody holds any."""
    jobs = {"endpoint_id": endpoint["id"], "state": "waiting"}
    held = await world.jobs.count_documents({**jobs, "lease": {"$exists": True}})
    return not held and await world.jobs.count_documents(jobs) == waiting


async def test_retry_after_pauses_the_whole_endpoint_in_every_process(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", Answer(429, {"Retry-After": "3600"}), Answer(200))
    async with running_world(deployment, ["http"]) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"), concurrency=1)
        async with dispatching(deployment, **SOON):
            await world.publish(*(an_event(world.workspace_id) for _ in range(5)))
            await eventually(lambda: at_rest(world, endpoint, 5))
        [trouble] = await world.troubles.find().to_list(None)
        wait = trouble["held_until"] - datetime.now(UTC)
        assert timedelta(minutes=59) < wait <= timedelta(hours=1)

        async with dispatching(deployment, **SOON):
            await world.publish(an_event(world.workspace_id))
            await world.add_endpoint(receiver.url("/other"))
            await world.publish(an_event(world.workspace_id))
            await eventually(lambda: posted(receiver, "/other", 1))
            await eventually(lambda: at_rest(world, endpoint, 7))
        jobs = await world.jobs.find({"endpoint_id": endpoint["id"]}).to_list(None)
        assert sum(job["attempt"] for job in jobs) == 1 == len(receiver.at("/hook"))


async def test_what_waited_for_the_end_of_a_pause_is_posted_then(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", Answer(503, {"Retry-After": "1"}), Answer(200))
    async with running_world(deployment, **SOON) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"), concurrency=1)
        await world.publish(*(an_event(world.workspace_id) for _ in range(4)))

        async def all_succeeded() -> bool:
            return await world.jobs.count_documents({"endpoint_id": endpoint["id"], "state": "succeeded"}) == 4

        await eventually(all_succeeded)
        assert len(receiver.at("/hook")) == 5


async def test_an_endpoint_s_own_concurrency_and_rate_hold(world: World, receiver: HttpReceiver) -> None:
    gate = asyncio.Event()
    receiver.script("/wide", Answer(gate=gate))
    wide = await world.add_endpoint(receiver.url("/wide"), concurrency=15)
    slow = await world.add_endpoint(receiver.url("/slow"), rate=2)
    await world.publish(*(an_event(world.workspace_id) for _ in range(20)))
    await eventually(lambda: posted(receiver, "/wide", 15))
    assert receiver.most_at_once["/wide"] == 15
    await eventually(lambda: posted(receiver, "/slow", 3))
    jobs = {"endpoint_id": slow["id"], "state": "waiting"}
    assert await world.jobs.count_documents(jobs) > 0, "twenty posts of two a second have taken no time"
    changed = await world.client.patch(f"/v1/webhooks/{wide['id']}", json={"concurrency": 20})
    assert changed.json()["concurrency"] == 20
    gate.set()
    await eventually(lambda: posted(receiver, "/wide", 20))
    await world.client.patch(f"/v1/webhooks/{slow['id']}", json={"rate": 1000})
    await world.publish(an_event(world.workspace_id))
    await eventually(lambda: posted(receiver, "/slow", 21))


async def test_one_endpoint_that_hangs_holds_up_none_of_the_others(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    """The short form: `tests/bench/webhooks.py` has percentiles, over a hundred endpoints."""
    gate = asyncio.Event()
    receiver.script("/hang", Answer(gate=gate))
    async with running_world(deployment, webhook_in_flight=60) as world:
        hanging = await world.add_endpoint(receiver.url("/hang"), concurrency=100)
        paths = [f"/fast/{number}" for number in range(12)]
        for path in paths:
            await world.add_endpoint(receiver.url(path))
        for _ in range(4):
            await world.publish(*(an_event(world.workspace_id) for _ in range(10)))
        for path in paths:
            await eventually(lambda path=path: posted(receiver, path, 40))
        assert await world.jobs.count_documents({"endpoint_id": hanging["id"], "state": "succeeded"}) == 0
        gate.set()
        await eventually(lambda: posted(receiver, "/hang", 40))
