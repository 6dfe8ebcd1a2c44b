"""Endpoints that are disabled by us, and who is told of it."""

import json
from datetime import UTC, datetime, timedelta

from services.webhooks.failing import Failing
from services.webhooks.store.troubles import Disabling, Troubles
from shared.contracts.entities import Kind
from shared.contracts.record import rfc3339
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.integration.webhooks.world import World, an_event, running_world

HASTY = {
    "webhook_schedule": [0, *[0.02] * 100],
    "webhook_breaker_failures": 1000,
    "webhook_failing_hours": 0,
    "webhook_failing_days": 0.1 / 86400,
}


async def reason_of(world: World, endpoint: dict) -> str | None:
    shown = (await world.client.get(f"/v1/webhooks/{endpoint['id']}")).json()
    return None if shown["enabled"] else str(shown["disabled_reason"])


async def failing(world: World, endpoint: dict) -> dict | None:
    found = await world.troubles.find_one({"_id": endpoint["id"]})
    return found and found.get("failing")


async def test_nothing_but_failures_disable_an_endpoint_and_the_others_are_told(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    receiver.script("/bad", Answer(500))
    async with running_world(deployment, **HASTY) as world:
        bad = await world.add_endpoint(receiver.url("/bad?token=secret"), name="bad one", events=["email.delivered"])
        await world.add_endpoint(receiver.url("/all"))
        await world.add_endpoint(receiver.url("/asking"), events=["endpoint.disabled"])
        await world.add_endpoint(receiver.url("/other"), events=["email.bounced"])
        await world.publish(an_event(world.workspace_id))

        async def disabled() -> bool:
            return await reason_of(world, bad) == "failing"

        await eventually(disabled)
        for path, count in (("/all", 2), ("/asking", 1)):

            async def told(path: str = path, count: int = count) -> bool:
                return len(receiver.at(path)) == count

            await eventually(told)
            [body] = [json.loads(one.body) for one in receiver.at(path) if b"endpoint.disabled" in one.body]
            assert (body["type"], body["data"]["endpoint_id"]) == ("endpoint.disabled", bad["id"])
            assert body["data"]["reason"] == "failing"
            assert body["data"]["failing_since"] <= body["timestamp"]
            assert (body["data"]["name"], body["data"]["url"]) == ("bad one", receiver.url("/bad"))
        assert receiver.at("/other") == []
        assert len(receiver.at("/bad")) >= 4
        assert await world.jobs.count_documents({"endpoint_id": bad["id"], "state": "waiting"}) == 0
        assert await world.troubles.count_documents({}) == 0
        # what no message stands behind is not told of one
        assert all(record.message_id for record in await world.published(1))


async def test_a_success_ends_what_is_remembered_of_failures_and_is_not_written_otherwise(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", Answer(200), Answer(500), Answer(500), Answer(200))
    async with running_world(deployment, webhook_schedule=[0, 0.5, 0.5]) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        await world.publish(an_event(world.workspace_id))

        async def posts(count: int) -> bool:
            return len(receiver.at("/hook")) == count

        await eventually(lambda: posts(1))
        assert await world.troubles.count_documents({}) == 0
        await world.publish(an_event(world.workspace_id))
        known = await eventually(lambda: failing(world, endpoint))
        assert (known["failures"], known["since"]) == (1, None)

        async def over() -> bool:
            return await failing(world, endpoint) is None

        await eventually(over)
        assert len(receiver.at("/hook")) == 4


async def test_enabling_an_endpoint_again_begins_anew(deployment: Deployment, receiver: HttpReceiver) -> None:
    receiver.script("/hook", Answer(500))
    async with running_world(deployment, webhook_schedule=[0]) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        long_ago = datetime.now(UTC) - timedelta(days=6)
        await Troubles(deployment.database("webhooks")).set_failing(
            endpoint["id"], None, Failing(long_ago, 3, long_ago + timedelta(hours=12))
        )
        path = f"/v1/webhooks/{endpoint['id']}"
        await world.client.patch(path, json={"enabled": False})
        await world.client.patch(path, json={"enabled": True})
        await world.publish(an_event(world.workspace_id))
        known = await eventually(lambda: failing(world, endpoint))
        assert (known["failures"], known["since"]) == (1, None)
        assert await reason_of(world, endpoint) is None


async def test_410_is_told_too_and_once_however_many_say_it(deployment: Deployment, receiver: HttpReceiver) -> None:
    receiver.script("/gone", Answer(410))
    async with running_world(deployment) as world:
        gone = await world.add_endpoint(receiver.url("/gone"))
        await world.add_endpoint(receiver.url("/asking"), events=["endpoint.disabled"])
        await world.publish(*(an_event(world.workspace_id) for _ in range(10)))

        async def told() -> bool:
            return len(receiver.at("/asking")) >= 1

        await eventually(told)
        assert json.loads(receiver.at("/asking")[0].body)["data"]["reason"] == "gone"
        assert await reason_of(world, gone) == "gone"
        assert await world.jobs.count_documents({"event_type": "endpoint.disabled"}) == 1


async def test_an_end_that_was_interrupted_is_completed(deployment: Deployment, receiver: HttpReceiver) -> None:
    async with running_world(deployment, sweep_seconds=0.1) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        changed = await world.add_endpoint(receiver.url("/changed"), events=["email.bounced"])
        asking = await world.add_endpoint(receiver.url("/asking"), events=["endpoint.disabled"])
        troubles, long_ago = Troubles(deployment.database("webhooks")), datetime.now(UTC) - timedelta(minutes=1)
        old = await world.entities.get(Kind.ENDPOINT, asking["id"])
        assert old is not None
        older = {**old.data, "created_at": rfc3339(long_ago)}
        await world.entities.put(Kind.ENDPOINT, old.id, old.workspace_id, older)
        entity = await world.entities.get(Kind.ENDPOINT, endpoint["id"])
        assert entity is not None
        await world.client.patch(f"/v1/webhooks/{changed['id']}", json={"name": "in use again"})
        for id_ in (endpoint["id"], changed["id"]):
            await troubles.begin_disabling(Disabling(id_, entity.version, "gone", long_ago))

        async def all_done() -> bool:
            return await world.troubles.count_documents({"disabling": {"$exists": True}}) == 0

        await eventually(all_done)
        assert (await reason_of(world, endpoint), await reason_of(world, changed)) == ("gone", None)

        async def told() -> bool:
            return len(receiver.at("/asking")) == 1

        await eventually(told)
