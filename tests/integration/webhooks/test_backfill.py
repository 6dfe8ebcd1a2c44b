"""Back-fills: what occurred before an endpoint asked for it is read from the topics and posted, once."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.webhooks.app import create_app
from services.webhooks.rules import Subscription, jobs_of
from services.webhooks.settings import Settings
from services.webhooks.store.jobs import Jobs
from services.webhooks.store.tasks import Tasks
from services.webhooks.tasks.task import Task, TaskKind
from shared.contracts.events import Event, EventType, accepted_event
from shared.contracts.topics import Lane, accepted
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.integration.webhooks.test_replay import done
from tests.integration.webhooks.world import QUICK, World, an_event, message_of, running_world


def since(hours: float = 1) -> dict[str, Any]:
    return {"since": (datetime.now(UTC) - timedelta(hours=hours)).isoformat()}


async def backfill(world: World, endpoint: dict[str, Any], **body: Any) -> dict[str, Any]:
    """A back-fill at its end."""
    return await done(
        world, endpoint, await world.ask("POST", f"{endpoint['id']}/backfill", 202, since() | body), "backfills"
    )


def posted(receiver: HttpReceiver, path: str = "/hook") -> list[str]:
    """The messages and types that came, in their order."""
    told = [json.loads(request.body) for request in receiver.at(path)]
    return [f"{each['type']} {each['data']['message_id']}" for each in told]


def named(*events: Event) -> list[str]:
    return sorted(f"email.{event.type} {event.message_id}" for event in events)


async def test_an_endpoint_gets_what_occurred_before_it_was_there_and_nothing_twice(
    world: World, receiver: HttpReceiver
) -> None:
    other, _ = await world.add_workspace(["webhooks"])
    before = [an_event(world.workspace_id) for _ in range(3)]
    old = an_event(world.workspace_id).with_changes(occurred_at=datetime.now(UTC) - timedelta(hours=2))
    await world.publish(*before, before[0], old, an_event(other), an_event(world.workspace_id, EventType.QUEUED))
    await world.deployment.publish("mail.events", [("x", f"{{{world.workspace_id}".encode(), {})])
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    known = an_event(world.workspace_id)
    await world.publish(known)
    assert await world.ended(endpoint, known) == ["succeeded"]

    first = await backfill(world, endpoint)
    assert (first["state"], first["queued"], first["events"]) == ("done", 3, [])
    assert first["read"] == 9
    assert await world.ended(endpoint, *before) == ["succeeded"] * 3
    assert sorted(posted(receiver)) == named(known, *before)
    again = await backfill(world, endpoint)
    assert (again["state"], again["queued"]) == ("done", 0)
    assert (await backfill(world, endpoint, **since(3)))["queued"] == 1
    assert await world.ended(endpoint, old) == ["succeeded"]
    assert sorted(posted(receiver)) == named(known, old, *before)


async def test_it_gets_what_it_did_not_ask_for_and_what_it_missed_while_it_was_disabled(
    world: World, receiver: HttpReceiver
) -> None:
    endpoint = await world.add_endpoint(receiver.url("/hook"), events=["email.bounced"])
    message = message_of(world.workspace_id)
    await world.deployment.publish(accepted(Lane.CRITICAL), [(message.message_id, message.encode(), {})])
    delivered = an_event(world.workspace_id)
    await world.publish(delivered, seen := an_event(world.workspace_id, EventType.BOUNCED))
    assert await world.ended(endpoint, seen) == ["succeeded"]
    await world.ask("PATCH", endpoint["id"], 200, {"enabled": False})
    assert (await world.ask("POST", f"{endpoint['id']}/backfill", 409, since()))["code"] == "endpoint_disabled"
    missed = an_event(world.workspace_id, EventType.BOUNCED)
    await world.publish(missed)
    types = ["email.bounced", "email.delivered", "email.accepted"]
    await world.ask("PATCH", endpoint["id"], 200, {"enabled": True, "events": types})

    assert (await backfill(world, endpoint, events=["email.bounced"]))["queued"] == 1
    assert await world.ended(endpoint, missed) == ["succeeded"]
    assert (await backfill(world, endpoint))["queued"] == 2
    assert await world.ended(endpoint, delivered, accepted_event(message)) == ["succeeded"] * 2
    assert sorted(posted(receiver)) == named(seen, missed, delivered, accepted_event(message))


async def test_one_that_was_killed_goes_on_where_it_was(deployment: Deployment, receiver: HttpReceiver) -> None:
    async with running_world(deployment, ("http",)) as world:  # nobody else takes the task from who is to die
        events = [an_event(world.workspace_id) for _ in range(7)]
        await world.publish(*events)
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        database, now = deployment.database("webhooks"), datetime.now(UTC)
        task = Task(uuid7(), TaskKind.BACKFILL, world.workspace_id, endpoint["id"], now, now - timedelta(hours=1), now)
        dying = Tasks(database, 0.3)
        await dying.add(task)
        claimed = await dying.claim(TaskKind.BACKFILL)
        assert claimed is not None
        # as if it had read one record, and made the jobs of the next two when it died
        subscription = Subscription(endpoint["id"], frozenset(), task.since)
        jobs = [job for event in events[1:3] for job in jobs_of(event, [subscription], None, now, b"pepper")]
        topic = deployment.shared.topic("mail.events")
        assert await dying.go_on(claimed, [[topic, 0, 1]], read=1)
        # the last event's is from a death before that, and comes in another turn now
        far = jobs_of(events[6], [subscription], None, now, b"pepper")
        await dying.begin(claimed, {"ids": [job.id for job in (*jobs, *far)]})
        documents = Jobs(database, 60)
        await documents.insert([replace(job, backfill=task.id) for job in (*jobs, *far)], now)
        gate = asyncio.Event()
        receiver.script("/hook", Answer(gate=gate))
        successor = create_app(deployment.settings(Settings, **{**QUICK, "webhook_replay_at_once": 8}), {"dispatch"})

        async def has_no_room() -> bool:
            its_turn_is_over = {"_id": task.id, "queued": 4, "lease": {"$exists": False}}
            return await database["tasks"].count_documents(its_turn_is_over) == 1

        async with successor.run():
            await eventually(has_no_room)
            gate.set()
            ended = await done(world, endpoint, {"id": task.id}, "backfills")
            assert (ended["state"], ended["queued"], ended["read"]) == ("done", 6, 7)
            assert await world.ended(endpoint, *events[1:]) == ["succeeded"] * 6
        assert sorted(posted(receiver)) == named(*events[1:])


async def test_it_makes_a_few_at_a_time_and_ends_when_it_is_canceled_or_its_endpoint_disabled(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    gate = asyncio.Event()
    receiver.script("/hook", Answer(gate=gate))
    async with running_world(deployment, webhook_replay_at_once=2) as world:
        await world.publish(*(an_event(world.workspace_id) for _ in range(9)))
        endpoints = [await world.add_endpoint(receiver.url("/hook")) for _ in range(2)]
        running = [await world.ask("POST", f"{each['id']}/backfill", 202, since()) for each in endpoints]

        async def both_wait() -> bool:
            return len(receiver.at("/hook")) == 4

        await eventually(both_wait)
        assert await world.jobs.count_documents({}) == 4
        canceled = await world.ask("DELETE", f"{endpoints[0]['id']}/backfills/{running[0]['id']}", 200)
        assert (canceled["state"], canceled["reason"]) == ("canceled", "asked")
        await world.ask("PATCH", endpoints[1]["id"], 200, {"enabled": False})
        ended = await done(world, endpoints[1], running[1], "backfills")
        assert (ended["state"], ended["reason"]) == ("canceled", "endpoint_disabled")
        gate.set()
        assert await world.jobs.count_documents({}) == 4


async def test_what_is_published_late_belongs_to_it(deployment: Deployment, receiver: HttpReceiver) -> None:
    async with running_world(deployment, webhook_backfill_settle_seconds=1) as world:
        early, late = (an_event(world.workspace_id) for _ in range(2))
        await world.publish(early)
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        task = await world.ask("POST", f"{endpoint['id']}/backfill", 202, since())
        await world.ended(endpoint, early)
        await world.publish(late, an_event(world.workspace_id))
        ended = await done(world, endpoint, task, "backfills")
        assert (ended["state"], ended["queued"]) == ("done", 2)
        assert await world.ended(endpoint, late) == ["succeeded"]
