"""From an event on Kafka to a verified webhook, on real Kafka, MongoDB and HTTP."""

import asyncio
import json
from datetime import timedelta

from prometheus_client import REGISTRY
from standardwebhooks import Webhook

from services.webhooks.rules import Subscription, jobs_of
from services.webhooks.store.jobs import Jobs
from shared.contracts.events import EventType
from shared.contracts.topics import EVENTS, Lane, accepted, dead_letters
from shared.telemetry import names
from shared.telemetry.tracing import trace_id_of
from tests.fixtures.collector import open_collector
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.integration.webhooks.world import World, an_event, message_of, running_world

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = f"00-{'a' * 31}1-{'b' * 15}2-00"


async def test_an_event_becomes_a_webhook_that_the_reference_library_verifies(
    world: World, receiver: HttpReceiver
) -> None:
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    event = an_event(world.workspace_id)
    await world.publish(event)

    async def kept() -> list[dict]:
        return await world.posts(endpoint["id"])

    [attempt] = await eventually(kept)
    [request] = receiver.at("/hook")
    verified = Webhook(endpoint["secret"]).verify(request.body, request.headers)
    assert verified["type"] == "email.delivered"
    assert verified["data"]["message_id"] == event.message_id
    assert verified["data"]["sequence"] == event.sequence
    assert b"secret" not in request.body
    assert request.headers["content-type"] == "application/json"
    assert (attempt["status"], attempt["state"], attempt["attempt"]) == (200, "succeeded", 1)
    assert (attempt["event_type"], attempt["message_id"]) == ("email.delivered", event.message_id)
    assert (attempt["excerpt"], attempt["error"], attempt["next_at"]) == ("thanks", None, None)

    [record] = await world.published(1)
    assert (record.attempt_id, record.ok, record.status) == (attempt["id"], True, 200)
    assert record.endpoint_id == endpoint["id"]

    async def nothing_unpublished() -> bool:
        return await world.attempts.count_documents({"unpublished": {"$exists": True}}) == 0

    await eventually(nothing_unpublished)


async def test_the_same_event_again_makes_no_second_job_or_post(world: World, receiver: HttpReceiver) -> None:
    await world.add_endpoint(receiver.url("/hook"))
    event, last = an_event(world.workspace_id), an_event(world.workspace_id)
    await world.publish(event, event)
    await eventually(lambda: _count(receiver, "/hook", 1))
    await world.publish(event, last)
    await eventually(lambda: _count(receiver, "/hook", 2))
    ids = [json.loads(request.body)["data"]["message_id"] for request in receiver.at("/hook")]
    assert sorted(ids) == sorted([event.message_id, last.message_id])
    assert await world.jobs.count_documents({}) == 2


async def test_a_failing_endpoint_is_tried_again_under_the_same_id_until_it_answers(
    world: World, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", Answer(500, body=b"broken"), Answer(503, {"Retry-After": "0"}), Answer(204, body=b""))
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    await world.publish(an_event(world.workspace_id))

    async def three() -> list[dict]:
        found = await world.posts(endpoint["id"])
        return found if len(found) == 3 else []

    attempts = await eventually(three)
    assert [each["status"] for each in attempts] == [204, 503, 500]
    assert [each["attempt"] for each in attempts] == [3, 2, 1]
    assert [each["state"] for each in attempts] == ["succeeded", "retrying", "retrying"]
    assert attempts[2]["error"] == "http_5xx"
    assert attempts[2]["excerpt"] == "broken"
    assert attempts[2]["next_at"] is not None
    requests = receiver.at("/hook")
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.body for request in requests}) == 1
    for request in requests:
        Webhook(endpoint["secret"]).verify(request.body, request.headers)
    assert [each["status"] for each in await world.posts(endpoint["id"], state="succeeded")] == [204]
    assert await world.posts(endpoint["id"], event="email.bounced") == []


async def test_after_the_last_attempt_of_the_schedule_a_webhook_is_exhausted(
    world: World, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", Answer(500))
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    event = an_event(world.workspace_id)
    await world.publish(event)

    async def exhausted() -> bool:
        job = await world.job(event, endpoint)
        return job is not None and job["state"] == "exhausted"

    await eventually(exhausted)
    assert len(receiver.at("/hook")) == 3
    assert (await world.posts(endpoint["id"]))[0]["state"] == "failed"


async def test_a_slow_endpoint_delays_no_other(deployment: Deployment, receiver: HttpReceiver) -> None:
    gate = asyncio.Event()
    receiver.script("/slow", Answer(gate=gate))
    async with running_world(deployment, webhook_endpoint_concurrency=2) as world:
        await world.add_endpoint(receiver.url("/slow"))
        fast = await world.add_endpoint(receiver.url("/fast"))
        await world.publish(*(an_event(world.workspace_id) for _ in range(30)))
        await eventually(lambda: _count(receiver, "/fast", 30))
        assert len(receiver.at("/slow")) == 2
        assert receiver.most_at_once["/fast"] <= 2
        gate.set()
        await eventually(lambda: _count(receiver, "/slow", 30))
        assert receiver.most_at_once["/slow"] == 2

        async def all_kept() -> bool:
            return len(await world.posts(fast["id"])) == 30

        await eventually(all_kept)
        assert await world.jobs.count_documents({}) == 60


async def test_filters_choose_and_only_those_who_ask_get_accepted(world: World, receiver: HttpReceiver) -> None:
    await world.add_endpoint(receiver.url("/all"))
    await world.add_endpoint(receiver.url("/some"), events=["email.accepted", "email.bounced"])
    message = message_of(world.workspace_id)
    await world.deployment.publish(accepted(Lane.CRITICAL), [(message.message_id, message.encode(), {})])
    bounced = an_event(world.workspace_id, EventType.BOUNCED, code=550)
    await world.publish(
        an_event(world.workspace_id, EventType.QUEUED), an_event(world.workspace_id, EventType.DELIVERED), bounced
    )
    await eventually(lambda: _count(receiver, "/all", 2))
    await eventually(lambda: _count(receiver, "/some", 2))
    assert {json.loads(request.body)["type"] for request in receiver.at("/all")} == {
        "email.delivered",
        "email.bounced",
    }
    some = {json.loads(request.body)["type"]: json.loads(request.body) for request in receiver.at("/some")}
    assert set(some) == {"email.accepted", "email.bounced"}
    assert some["email.accepted"]["data"]["message_id"] == message.message_id


async def test_another_workspaces_event_and_one_from_before_the_endpoint_make_nothing(
    world: World, receiver: HttpReceiver
) -> None:
    before = an_event(world.workspace_id)
    await world.add_endpoint(receiver.url("/hook"))
    other, _ = await world.add_workspace(["webhooks"])
    ours = an_event(world.workspace_id)
    await world.publish(before, an_event(other), ours)
    await eventually(lambda: _count(receiver, "/hook", 1))
    assert [job["event_id"] async for job in world.jobs.find()] == [ours.event_id]


async def test_the_trace_goes_on_in_the_request_and_the_attempt(world: World, receiver: HttpReceiver) -> None:
    await world.add_endpoint(receiver.url("/hook"))
    await world.publish(an_event(world.workspace_id, trace=TRACE))
    await eventually(lambda: _count(receiver, "/hook", 1))
    sent = receiver.at("/hook")[0].headers["traceparent"]
    assert trace_id_of(sent) == trace_id_of(TRACE)
    assert sent != TRACE
    [record] = await world.published(1)
    assert record.trace == sent


async def test_an_attempt_hours_after_its_event_gets_a_trace_of_its_own(world: World, receiver: HttpReceiver) -> None:
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    event = an_event(world.workspace_id, trace=TRACE)
    subscription = Subscription(endpoint["id"], frozenset(), event.occurred_at)
    jobs = Jobs(world.deployment.database("webhooks"), 60)
    long_ago = event.occurred_at - timedelta(hours=2)
    await jobs.insert(jobs_of(event, [subscription], TRACE, long_ago, b"pepper"), long_ago)
    await eventually(lambda: _count(receiver, "/hook", 1))
    sent = receiver.at("/hook")[0].headers["traceparent"]
    assert trace_id_of(sent) != trace_id_of(TRACE)


async def test_attempts_and_the_oldest_that_waits_are_counted(deployment: Deployment, receiver: HttpReceiver) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    receiver.script("/hook", Answer(500), Answer(200))
    before = {outcome: value("posthorn_webhook_attempts_total", outcome=outcome) for outcome in ("failed", "succeeded")}
    timed = value("posthorn_webhook_seconds_count")
    gate = asyncio.Event()
    receiver.script("/held", Answer(gate=gate))
    async with running_world(deployment, sweep_seconds=0.05) as world:
        await world.add_endpoint(receiver.url("/hook"))
        await world.publish(an_event(world.workspace_id))

        async def counted() -> bool:
            return all(value("posthorn_webhook_attempts_total", outcome=each) == before[each] + 1 for each in before)

        await eventually(counted)
        assert value("posthorn_webhook_seconds_count") == timed + 2
        await world.add_endpoint(receiver.url("/held"), events=["email.failed"])
        await world.publish(an_event(world.workspace_id, EventType.FAILED))

        async def one_waits() -> bool:
            age = value("posthorn_oldest_age_seconds", stage="webhooks", lane="all")
            return age > 0 and value("posthorn_in_flight", stage="webhooks") == 1

        await eventually(one_waits)
        gate.set()


async def test_a_record_that_cannot_be_decoded_is_dead_lettered_and_the_next_one_posted(
    world: World, receiver: HttpReceiver
) -> None:
    await world.add_endpoint(receiver.url("/hook"))
    event = an_event(world.workspace_id)
    await world.deployment.publish(EVENTS, [("x", b"{not json", {}), (event.message_id, event.encode(), {})])
    await eventually(lambda: _count(receiver, "/hook", 1))
    [letter] = await world.deployment.records(dead_letters(EVENTS), 1)
    assert letter.value == b"{not json"
    headers = dict(letter.headers)
    assert headers["dlq.reason"] == b"undecodable"
    assert headers["dlq.origin"].startswith(b"mail.events/")


async def _count(receiver: HttpReceiver, path: str, count: int) -> bool:
    return len(receiver.at(path)) >= count


async def test_a_post_has_a_clients_span_that_names_no_path(deployment: Deployment, receiver: HttpReceiver) -> None:
    receiver.script("/secret-path", Answer(500))
    async with open_collector() as collector:
        async with running_world(deployment, otlp_endpoint=collector.url) as world:
            await world.add_endpoint(receiver.url("/secret-path"))
            await world.publish(
                an_event(world.workspace_id, trace=UNSAMPLED), an_event(world.workspace_id, trace=TRACE)
            )
            await eventually(lambda: _count(receiver, "/secret-path", 2))
            span = (await collector.has(trace_id_of(TRACE), "POST"))["POST"]
        spans = collector.spans()
    assert (span["kind"], span["status"]) == ("client", "error")
    attributes = span["attributes"]
    assert (attributes[names.HTTP_METHOD], attributes[names.HTTP_STATUS], attributes[names.ERROR_TYPE]) == (
        "POST", 500, "500",
    )  # fmt: skip
    assert (attributes[names.SERVER_ADDRESS], attributes[names.SERVER_PORT]) == ("127.0.0.1", receiver.port)
    assert trace_id_of(UNSAMPLED) not in {each["trace_id"] for each in spans}
    assert "secret-path" not in str(spans)
