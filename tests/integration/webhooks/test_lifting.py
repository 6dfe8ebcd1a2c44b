"""Endpoints that their owners bring back: what processes remember of their troubles is over at once."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from services.webhooks.sealing import Seals
from services.webhooks.settings import Settings
from services.webhooks.store.troubles import Disabling, Troubles
from services.webhooks.targets import Targets
from shared.contracts.entities import Kind
from shared.mongo.entity_cache import EntityCache
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.integration.webhooks.test_throttling import at_rest, posted
from tests.integration.webhooks.world import World, an_event, dispatching, running_world

HOURS = {
    "webhook_schedule": [0, 3600],
    "webhook_breaker_failures": 2,
    "webhook_breaker_first_seconds": 3600,
    "webhook_breaker_longest_seconds": 3600,
}
PAUSED = (Answer(429, {"Retry-After": "3600"}), Answer(200))
DOWN = (Answer(500), Answer(500), Answer(200))


async def change(world: World, endpoint: dict[str, Any], **fields: Any) -> None:
    reply = await world.client.patch(f"/v1/webhooks/{endpoint['id']}", json=fields)
    assert reply.status_code == 200, reply.text


async def in_trouble(world: World, receiver: HttpReceiver, answers: tuple[Answer, ...]) -> dict[str, Any]:
    """An endpoint that has failed until its process leaves it alone, and four deliveries that wait for it."""
    receiver.script("/hook", *answers)
    endpoint = await world.add_endpoint(receiver.url("/hook"), concurrency=1)
    failures = len(answers) - 1
    await world.publish(*(an_event(world.workspace_id) for _ in range(4 + failures)))
    await eventually(lambda: posted(receiver, "/hook", failures))
    await eventually(lambda: at_rest(world, endpoint, 4 + failures))
    assert len(receiver.at("/hook")) == failures
    return endpoint


@pytest.mark.parametrize("answers", [PAUSED, DOWN], ids=["paused", "down"])
async def test_enabling_an_endpoint_ends_its_pause_in_processes_that_remember_it(
    deployment: Deployment, receiver: HttpReceiver, answers: tuple[Answer, ...]
) -> None:
    async with running_world(deployment, ["http"]) as world, dispatching(deployment, **HOURS):
        endpoint = await in_trouble(world, receiver, answers)
        await change(world, endpoint, enabled=True)
        await eventually(lambda: posted(receiver, "/hook", len(answers) + 3))


@pytest.mark.parametrize("answers", [PAUSED, DOWN], ids=["paused", "down"])
async def test_what_occurs_after_an_endpoint_was_disabled_and_enabled_is_posted(
    deployment: Deployment, receiver: HttpReceiver, answers: tuple[Answer, ...]
) -> None:
    async with running_world(deployment, ["http"]) as world, dispatching(deployment, **HOURS):
        endpoint = await in_trouble(world, receiver, answers)
        await change(world, endpoint, enabled=False)
        await change(world, endpoint, enabled=True)
        event = an_event(world.workspace_id)
        await world.publish(event)
        assert await world.ended(endpoint, event) == ["succeeded"]


async def test_another_url_begins_without_the_troubles_of_the_earlier_one(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    async with running_world(deployment, ["http"]) as world, dispatching(deployment, **HOURS):
        endpoint = await in_trouble(world, receiver, PAUSED)
        await change(world, endpoint, url=receiver.url("/elsewhere"))
        await eventually(lambda: posted(receiver, "/elsewhere", 4))


async def test_another_name_leaves_a_pause_as_it_is(deployment: Deployment, receiver: HttpReceiver) -> None:
    async with running_world(deployment, ["http"]) as world:
        async with dispatching(deployment, **HOURS):
            endpoint = await in_trouble(world, receiver, PAUSED)
        before = await world.troubles.find_one()
        await change(world, endpoint, name="the same")
        assert await world.troubles.find_one() == before


async def test_an_end_that_completes_late_leaves_what_its_owner_has_lifted_since(deployment: Deployment) -> None:
    await deployment.prepare("webhooks")
    troubles = Troubles(deployment.database("webhooks"))
    lifted, over = (Disabling(id_, 1, "gone", datetime.now(UTC)) for id_ in ("lifted", "over"))
    for disabling in (lifted, over):
        assert await troubles.begin_disabling(disabling)
    await troubles.lift("lifted")
    for disabling in (lifted, over):
        await troubles.end_disabling(disabling)
    assert set(await troubles.all()) == {"lifted"}


async def test_a_delivery_does_not_end_by_what_was_remembered_of_an_endpoint(
    world: World, receiver: HttpReceiver
) -> None:
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    await change(world, endpoint, enabled=False)
    settings = world.deployment.settings(Settings)
    cache, stopping = EntityCache(world.entities), asyncio.Event()
    watching = asyncio.create_task(cache.watch(stopping))
    targets = Targets(settings, cache, Seals(settings.secret_box))

    async def remembered() -> bool:
        assert await targets.get(endpoint["id"]) is None
        return cache.remembered(Kind.ENDPOINT, endpoint["id"]) is not None

    await eventually(remembered)
    # without a notice: as in the moment before it comes
    await world.entities.database[Kind.ENDPOINT].update_one({"_id": endpoint["id"]}, {"$set": {"data.enabled": True}})
    assert await targets.get(endpoint["id"]) is not None
    stopping.set()
    await watching
