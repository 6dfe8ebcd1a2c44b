"""One delivery for each event and endpoint, whoever hears of the event and however often; and in which order a receiver
puts what it gets."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

from aiokafka.admin import AIOKafkaAdminClient

from services.webhooks.app import create_app
from services.webhooks.rules import webhook_id
from services.webhooks.settings import Settings
from shared.contracts.events import Event, EventType, event_of
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.integration.webhooks.world import QUICK, World, an_event, message_of, running_world


@asynccontextmanager
async def another_process(deployment: Deployment, group: str) -> AsyncIterator[None]:
    """A second process that reads the events, too, as one does that does not know yet that it lost its partitions."""

    class Apart(Settings):
        def group(self, name: str) -> str:
            return f"{super().group(name)}.{group}"

    async with create_app(deployment.settings(Apart, **QUICK), {"dispatch"}).run():
        yield


async def both_have_read(deployment: Deployment, records: int) -> bool:
    """Whether both groups have committed so many events."""
    settings = deployment.shared
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    try:
        group = settings.group("webhooks.events")
        committed = [await admin.list_consumer_group_offsets(each) for each in (group, f"{group}.other")]
    finally:
        await admin.close()
    return [sum(each.offset for each in offsets.values()) for offsets in committed] == [records] * 2


async def test_two_consumers_of_the_same_events_make_one_delivery_of_each(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(running_world(deployment))
        endpoints = [await world.add_endpoint(receiver.url(path)) for path in ("/one", "/two")]
        await stack.enter_async_context(another_process(deployment, "other"))
        events = [an_event(world.workspace_id) for _ in range(40)]
        await world.publish(*events[:20], *events[10:], *events[:30])
        for endpoint in endpoints:
            assert await world.ended(endpoint, *events) == ["succeeded"] * 40
        last = an_event(world.workspace_id)
        await world.publish(*events, last)
        for endpoint in endpoints:
            await world.ended(endpoint, last)
        await eventually(lambda: both_have_read(deployment, 80 + 41))
        assert await world.jobs.count_documents({}) == 2 * 41
        for endpoint, path in zip(endpoints, ("/one", "/two"), strict=True):
            posted = sorted(request.headers["webhook-id"] for request in receiver.at(path))
            assert posted == sorted(webhook_id(each.event_id, endpoint["id"]) for each in [*events, last])


async def test_a_receiver_that_orders_by_sequence_ends_with_the_status_whatever_order_it_is_told_in(
    world: World, receiver: HttpReceiver
) -> None:
    # the first posts fail here and there, so that their retries come among the later ones
    receiver.script("/hook", *[Answer(500 if number % 3 else 200) for number in range(12)], Answer(200))
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    lives = [_life(world.workspace_id) for _ in range(4)]
    events = [event for life in lives for event in life]
    Random(7).shuffle(events)
    await world.publish(*events)
    assert set(await world.ended(endpoint, *events)) <= {"succeeded", "exhausted"}
    newest: dict[str, tuple[int, str]] = {}
    told: dict[str, set[int]] = {}
    for request in receiver.at("/hook"):
        body = json.loads(request.body)
        message, sequence = body["data"]["message_id"], body["data"]["sequence"]
        newest[message] = max(newest.get(message, (-1, "")), (sequence, body["type"]))
        told.setdefault(message, set()).add(sequence)
    assert {newest[life[0].message_id] for life in lives} == {(380, "email.delivered")}
    assert all(told[life[0].message_id] == {150, 250, 380} for life in lives)


def _life(workspace_id: str) -> list[Event]:
    """Deferred twice, then delivered."""
    types = (EventType.DEFERRED, EventType.DEFERRED, EventType.DELIVERED)
    message = message_of(workspace_id)
    return [
        event_of(message.with_changes(pass_=number, attempt=number), type_, message.accepted_at)
        for number, type_ in enumerate(types, 1)
    ]
