"""Endpoints and processes in trouble: what is lost, what waits, what ends."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from services.webhooks.outcomes import JobState
from services.webhooks.rules import Subscription, jobs_of, subscription_of
from services.webhooks.store.attempts import Attempts
from services.webhooks.store.jobs import JobEnd, Jobs
from shared.contracts.entities import EntityChange, Kind
from shared.contracts.events import Event
from shared.contracts.topics import CONFIG_CHANGES
from shared.contracts.webhooks import WebhookAttempt
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver, open_http_receiver
from tests.integration.webhooks.world import World, an_event, running_world

PATIENT = [0, *[0.1] * 200]


async def _posted(receiver: HttpReceiver, path: str, count: int) -> bool:
    return len(receiver.at(path)) >= count


async def _state(world: World, event: Event, endpoint: dict) -> str | None:
    job = await world.job(event, endpoint)
    return job and job["state"]


async def test_an_endpoint_that_is_down_gets_everything_once_it_is_up(deployment: Deployment) -> None:
    async with open_http_receiver() as closed:
        port = closed.port
    async with running_world(
        deployment, webhook_schedule=PATIENT, webhook_breaker_failures=3, webhook_breaker_first_seconds=0.1
    ) as world:
        endpoint = await world.add_endpoint(f"http://127.0.0.1:{port}/hook")
        events = [an_event(world.workspace_id) for _ in range(5)]
        await world.publish(*events)

        async def refused() -> bool:
            found = await world.posts(endpoint["id"])
            return len(found) >= 3 and {each["error"] for each in found} == {"connect"}

        await eventually(refused)
        async with open_http_receiver(port) as receiver:

            async def all_succeeded() -> bool:
                return await world.jobs.count_documents({"state": "succeeded"}) == 5

            await eventually(all_succeeded)
            assert len(receiver.at("/hook")) == 5


async def test_an_open_breaker_lets_jobs_wait_without_attempts(deployment: Deployment, receiver: HttpReceiver) -> None:
    receiver.script("/bad", Answer(500))
    async with running_world(
        deployment,
        webhook_schedule=PATIENT,
        webhook_endpoint_concurrency=1,
        webhook_breaker_failures=3,
        webhook_breaker_first_seconds=3600,
        webhook_breaker_longest_seconds=3600,
    ) as world:
        bad = await world.add_endpoint(receiver.url("/bad"))
        await world.publish(*(an_event(world.workspace_id) for _ in range(6)))
        await eventually(lambda: _posted(receiver, "/bad", 3))
        await world.add_endpoint(receiver.url("/good"))
        await world.publish(an_event(world.workspace_id))
        await eventually(lambda: _posted(receiver, "/good", 1))

        async def at_rest() -> bool:
            waiting = {"endpoint_id": bad["id"], "state": "waiting", "lease": {"$exists": False}}
            return await world.jobs.count_documents(waiting) == 7

        await eventually(at_rest)
        jobs = await world.jobs.find({"endpoint_id": bad["id"]}).to_list(None)
        assert sum(job["attempt"] for job in jobs) == 3 == len(receiver.at("/bad"))


async def test_410_disables_the_endpoint_and_cancels_what_waits(deployment: Deployment, receiver: HttpReceiver) -> None:
    receiver.script("/hook", Answer(500), Answer(410), Answer(200))
    async with running_world(deployment, webhook_schedule=[0, 3600], webhook_endpoint_concurrency=1) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        first, second = (an_event(world.workspace_id) for _ in range(2))
        await world.publish(first)
        await eventually(lambda: _posted(receiver, "/hook", 1))
        await world.publish(second)

        async def disabled() -> bool:
            shown = (await world.client.get(f"/v1/webhooks/{endpoint['id']}")).json()
            return shown["enabled"] is False and shown["disabled_reason"] == "gone"

        await eventually(disabled)

        async def both_canceled() -> bool:
            return [await _state(world, event, endpoint) for event in (first, second)] == ["canceled", "canceled"]

        await eventually(both_canceled)
        assert [each["state"] for each in await world.posts(endpoint["id"])] == ["canceled", "retrying"]
        changes = [EntityChange.decode(record.value) for record in await deployment.records(CONFIG_CHANGES, 2)]
        newest = max((change for change in changes if change.id == endpoint["id"]), key=lambda change: change.version)
        assert newest.data["enabled"] is False

        missed = an_event(world.workspace_id)
        reply = await world.client.patch(f"/v1/webhooks/{endpoint['id']}", json={"enabled": True})
        assert (reply.json()["enabled"], reply.json()["disabled_reason"]) == (True, None)
        await world.publish(missed, third := an_event(world.workspace_id))
        await eventually(lambda: _posted(receiver, "/hook", 3))
        assert await _state(world, third, endpoint) is not None
        assert await _state(world, missed, endpoint) is None


async def test_a_deleted_endpoints_jobs_end_canceled(deployment: Deployment, receiver: HttpReceiver) -> None:
    receiver.script("/hook", Answer(500))
    async with running_world(deployment, webhook_schedule=[0, 3600]) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        event = an_event(world.workspace_id)
        await world.publish(event)

        async def tried() -> bool:
            job = await world.job(event, endpoint)
            return job is not None and job["attempt"] == 1

        await eventually(tried)
        assert (await world.client.delete(f"/v1/webhooks/{endpoint['id']}")).status_code == 204
        assert await _state(world, event, endpoint) == "canceled"


async def test_a_redirect_is_a_failure_and_not_followed(world: World, receiver: HttpReceiver) -> None:
    receiver.script("/hook", Answer(307, {"Location": receiver.url("/elsewhere")}))
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    event = an_event(world.workspace_id)
    await world.publish(event)

    async def exhausted() -> bool:
        return await _state(world, event, endpoint) == "exhausted"

    await eventually(exhausted)
    assert {each["error"] for each in await world.posts(endpoint["id"])} == {"http_3xx"}
    assert receiver.at("/elsewhere") == []


async def test_a_name_that_leads_inwards_by_now_is_not_dialled(deployment: Deployment, receiver: HttpReceiver) -> None:
    async with running_world(deployment, allow_private_targets=False, webhook_schedule=[0]) as world:
        endpoint = await world.add_endpoint(f"http://hooks.example:{receiver.port}/hook")
        entity = await world.entities.get(Kind.ENDPOINT, endpoint["id"])
        assert entity is not None
        url = receiver.url("/hook", host="localhost")
        await world.entities.put(Kind.ENDPOINT, entity.id, entity.workspace_id, {**entity.data, "url": url})
        event = an_event(world.workspace_id)
        await world.publish(event)

        async def exhausted() -> bool:
            return await _state(world, event, endpoint) == "exhausted"

        await eventually(exhausted)
        [attempt] = await world.posts(endpoint["id"])
        assert (attempt["error"], attempt["status"]) == ("private_address", None)
        assert receiver.received == []


async def test_what_a_killed_process_held_is_posted_when_its_lease_has_run_out(
    world: World, receiver: HttpReceiver
) -> None:
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    entity = await world.entities.get(Kind.ENDPOINT, endpoint["id"])
    assert entity is not None
    now = datetime.now(UTC)
    dead, alive = (an_event(world.workspace_id) for _ in range(2))
    jobs = Jobs(world.deployment.database("webhooks"), 60)
    for event, token, until in ((dead, "dead", 0.3), (alive, "alive", 3600)):
        [job] = jobs_of(event, [subscription_of(entity)], None, now, b"pepper")
        await jobs.insert([job.with_token(token)], now + timedelta(seconds=until))

    async def succeeded() -> bool:
        return await _state(world, dead, endpoint) == "succeeded"

    await eventually(succeeded)
    assert await _state(world, alive, endpoint) == "waiting"
    assert len(receiver.at("/hook")) == 1


async def test_a_lease_is_renewed_while_its_post_goes_on(deployment: Deployment, receiver: HttpReceiver) -> None:
    gate = asyncio.Event()
    receiver.script("/hook", Answer(gate=gate))
    async with running_world(deployment, webhook_timeout_seconds=1.5, webhook_lease_seconds=3) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        event = an_event(world.workspace_id)
        await world.publish(event)

        async def lease() -> dict | None:
            job = await world.job(event, endpoint)
            return job and job.get("lease")

        first = await eventually(lease)

        async def renewed() -> bool:
            now = await lease()
            return now is not None and now["token"] == first["token"] and now["until"] > first["until"]

        await eventually(renewed, every=0.01)
        gate.set()


async def test_a_stopping_process_ends_its_posts_and_gives_the_rest_back(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    gate = asyncio.Event()
    receiver.script("/hook", Answer(gate=gate))
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(running_world(deployment, webhook_endpoint_concurrency=2))
        await world.add_endpoint(receiver.url("/hook"))
        await world.publish(*(an_event(world.workspace_id) for _ in range(4)))

        async def leased(count: int) -> bool:
            return await world.jobs.count_documents({"lease": {"$exists": True}}) == count

        await eventually(lambda: _posted(receiver, "/hook", 2))
        await eventually(lambda: leased(4))
        stopping = asyncio.create_task(stack.pop_all().aclose())
        await eventually(lambda: leased(2))
        gate.set()
        await stopping
        assert await world.jobs.count_documents({"state": "succeeded"}) == 2
        assert await leased(0)


async def test_an_attempt_that_stayed_unpublished_is_swept(deployment: Deployment, receiver: HttpReceiver) -> None:
    await deployment.prepare("webhooks")
    attempts = Attempts(deployment.database("webhooks"))
    event = an_event(uuid7())
    attempt = WebhookAttempt(
        attempt_id=uuid7(), message_id=event.message_id, workspace_id=event.workspace_id, event_id=event.event_id,
        event_type="email.delivered", endpoint_id="e", url="https://x.example/", attempt=1, status=200, ms=3, ok=True,
        occurred_at=datetime.now(UTC).replace(microsecond=0),
    )  # fmt: skip
    [job] = jobs_of(event, [Subscription("e", frozenset(), event.occurred_at)], None, datetime.now(UTC), b"pepper")
    await attempts.keep([JobEnd(job, JobState.SUCCEEDED, datetime.now(UTC), attempt=attempt)])
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    await attempts.collection.update_many({}, {"$set": {"unpublished.since": long_ago}})
    async with running_world(deployment) as world:
        [record] = await world.published(1)
        assert record == attempt
