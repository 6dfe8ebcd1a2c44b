"""Deliveries as objects: what became of each event at each endpoint, and doing one again."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from services.webhooks.rules import webhook_id
from shared.contracts.events import EventType
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.http_receiver import Answer, HttpReceiver
from tests.integration.webhooks.world import World, an_event, running_world


async def test_a_delivery_shows_what_is_posted_where_to_and_every_attempt(world: World, receiver: HttpReceiver) -> None:
    receiver.script("/hook", Answer(500, body=b"broken"), Answer(503), Answer(500))
    endpoint = await world.add_endpoint(receiver.url("/hook?token=secret"))
    event = an_event(world.workspace_id)
    await world.publish(event)
    assert await world.ended(endpoint, event) == ["exhausted"]
    [listed] = await world.listed(f"{endpoint['id']}/deliveries")
    shown = await world.ask("GET", f"{endpoint['id']}/deliveries/{listed['id']}", 200)
    assert {name: shown[name] for name in listed} == listed
    assert (shown["state"], shown["attempt_count"], shown["next_at"]) == ("failed", 3, None)
    assert shown["id"] == receiver.at("/hook")[0].headers["webhook-id"] == webhook_id(event.event_id, endpoint["id"])
    assert shown["payload"] == json.loads(receiver.at("/hook")[0].body)
    assert shown["request"] == {"method": "POST", "url": receiver.url("/hook")}
    assert [(each["attempt"], each["status"], each["state"]) for each in shown["attempts"]] == [
        (3, 500, "failed"), (2, 503, "retrying"), (1, 500, "retrying"),
    ]  # fmt: skip
    first = shown["attempts"][-1]
    assert (first["error"], first["excerpt"], first["delivery_id"]) == ("http_5xx", "broken", shown["id"])
    assert first["occurred_at"] < first["next_at"]
    assert await world.posts(endpoint["id"]) == shown["attempts"]


async def test_a_request_is_shown_as_it_was_sent_whatever_the_endpoint_says_by_now(
    world: World, receiver: HttpReceiver
) -> None:
    endpoint = await world.add_endpoint(receiver.url("/hook?token=secret"), method="PUT", query={"type": "{{type}}"})
    tested = await world.ask("POST", f"{endpoint['id']}/test", 202, wait=10)
    await world.ask("PATCH", endpoint["id"], 200, {"method": "POST"})
    assert await world.ask("GET", f"{endpoint['id']}/deliveries/{tested['id']}", 200) == tested
    assert tested["request"] == {"method": "PUT", "url": receiver.url("/hook")}


async def test_deliveries_are_listed_by_state_event_message_endpoint_and_time(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    gate = asyncio.Event()
    receiver.script("/held", Answer(gate=gate))
    receiver.script("/waits", Answer(500))
    async with running_world(deployment, webhook_schedule=[0, 3600], webhook_endpoint_concurrency=1) as world:
        good, held, waits = [await world.add_endpoint(receiver.url(path)) for path in ("/good", "/held", "/waits")]
        events = [an_event(world.workspace_id, type_) for type_ in (EventType.DELIVERED, EventType.BOUNCED)]
        between = datetime.now(UTC).isoformat()
        await world.publish(*events)

        async def by_state() -> dict[str, int] | None:
            found = await world.listed("deliveries")
            counts = {state: [each["state"] for each in found].count(state) for state in STATES}
            return counts if counts["retrying"] == counts["succeeded"] == 2 else None

        assert await eventually(by_state) == {
            **dict.fromkeys(STATES, 0),
            "retrying": 2,
            "succeeded": 2,
            "processing": 2,
        }
        everything = await world.listed("deliveries")
        assert everything == sorted(everything, key=lambda each: (each["created_at"], each["id"]), reverse=True)
        for state in STATES:
            found = await world.listed("deliveries", state=state)
            assert found == [each for each in everything if each["state"] == state], state
        assert {each["endpoint_id"] for each in await world.listed("deliveries", endpoint=good["id"])} == {good["id"]}
        assert await world.listed(f"{held['id']}/deliveries", event="email.bounced") == [
            each for each in everything if (each["endpoint_id"], each["event_type"]) == (held["id"], "email.bounced")
        ]
        assert await world.listed("deliveries", message=events[0].message_id) == [
            each for each in everything if each["message_id"] == events[0].message_id
        ]
        assert await world.listed("deliveries", since=between) == everything
        assert await world.listed(f"{waits['id']}/deliveries", until=between) == []
        paged: list[dict[str, Any]] = []
        cursor: dict[str, Any] = {}
        while len(paged) < len(everything):
            page = await world.ask("GET", "deliveries", 200, limit=4, **cursor)
            paged += page["data"]
            cursor = {"cursor": page["next_cursor"]}
        assert (paged, page["has_more"]) == (everything, False)
        refused = {"state": "exhausted", "event": "email.lost", "since": "yesterday", "page": 1}
        for name, value in refused.items():
            problem = await world.ask("GET", "deliveries", 422, **{name: value})
            assert [fault["pointer"] for fault in problem["errors"]] == [f"#/{name}"]
        gate.set()


STATES = ("pending", "processing", "retrying", "succeeded", "failed", "canceled")


async def test_what_failed_is_retried_by_hand_under_its_id_and_begins_its_schedule_anew(
    world: World, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", *[Answer(500)] * 4, Answer(200))
    endpoint = await world.add_endpoint(receiver.url("/hook"))
    event = an_event(world.workspace_id)
    await world.publish(event)
    assert await world.ended(endpoint, event) == ["exhausted"]
    path = f"{endpoint['id']}/deliveries/{webhook_id(event.event_id, endpoint['id'])}"
    again = await world.ask("POST", f"{path}/retry", 202)
    assert again["state"] in ("retrying", "processing")
    assert again["next_at"] is not None

    async def succeeded() -> bool:
        job = await world.job(event, endpoint)
        return job is not None and job["state"] == "succeeded"

    await eventually(succeeded)
    assert [each["attempt"] for each in await world.posts(endpoint["id"])] == [5, 4, 3, 2, 1]
    requests = receiver.at("/hook")
    assert len({(request.headers["webhook-id"], request.body) for request in requests}) == 1
    assert (await world.ask("POST", f"{path}/retry", 409))["code"] == "succeeded"
    await world.ask("POST", f"{endpoint['id']}/deliveries/msg_unknown/retry", 404)


async def test_what_waits_is_brought_forward_and_what_is_being_posted_left_alone(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    gate = asyncio.Event()
    receiver.script("/hook", Answer(500), Answer(200, gate=gate))
    async with running_world(deployment, webhook_schedule=[0, 3600, 3600]) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        event = an_event(world.workspace_id)
        await world.publish(event)
        path = f"{endpoint['id']}/deliveries/{webhook_id(event.event_id, endpoint['id'])}"

        async def retrying() -> bool:
            job = await world.job(event, endpoint)
            return job is not None and job["attempt"] == 1 and "lease" not in job

        await eventually(retrying)
        await world.ask("POST", f"{path}/retry", 202)

        async def posted() -> bool:
            return len(receiver.at("/hook")) == 2

        await eventually(posted)
        problem = await world.ask("POST", f"{path}/retry", 409)
        assert (problem["code"], "being posted" in problem["detail"]) == ("processing", True)
        gate.set()
        assert await world.ended(endpoint, event) == ["succeeded"]
        job = await world.job(event, endpoint)
        assert job is not None
        assert (job["attempt"], job["earlier"]) == (2, 0)  # it goes on in its schedule


async def test_nothing_is_retried_at_a_disabled_endpoint_and_what_it_canceled_is_once_it_is_enabled(
    deployment: Deployment, receiver: HttpReceiver
) -> None:
    receiver.script("/hook", Answer(500), Answer(200))
    async with running_world(deployment, webhook_schedule=[0, 3600]) as world:
        endpoint = await world.add_endpoint(receiver.url("/hook"))
        event = an_event(world.workspace_id)
        await world.publish(event)
        await eventually(lambda: world.posts(endpoint["id"]))
        await world.ask("PATCH", endpoint["id"], 200, {"enabled": False})
        path = f"{endpoint['id']}/deliveries/{webhook_id(event.event_id, endpoint['id'])}"
        assert (await world.ask("GET", path, 200))["state"] == "canceled"
        problem = await world.ask("POST", f"{path}/retry", 409)
        assert (problem["code"], "enable it" in problem["detail"]) == ("endpoint_disabled", True)
        await world.ask("PATCH", endpoint["id"], 200, {"enabled": True})
        await world.ask("POST", f"{path}/retry", 202)
        assert await world.ended(endpoint, event) == ["succeeded"]


async def test_a_test_event_comes_whatever_types_the_endpoint_asks_for(world: World, receiver: HttpReceiver) -> None:
    receiver.script("/hook", Answer(418, body=b"no tea"), Answer(200))
    endpoint = await world.add_endpoint(receiver.url("/hook"), events=["email.bounced"])
    tried = await world.ask("POST", f"{endpoint['id']}/test", 202, wait=10)
    assert (tried["event_type"], tried["message_id"], tried["attempt_count"] > 0) == ("webhook.test", None, True)
    *_, attempt = tried["attempts"]
    assert (attempt["status"], attempt["excerpt"]) == (418, "no tea")
    [request, *_] = receiver.at("/hook")
    assert (request.headers["webhook-id"], json.loads(request.body)) == (tried["id"], tried["payload"])
    assert (tried["payload"]["type"], tried["payload"]["data"]["endpoint_id"]) == ("webhook.test", endpoint["id"])
    at_once = await world.ask("POST", f"{endpoint['id']}/test", 202)
    assert at_once["id"] != tried["id"]
    # it is about no message, and no message's timeline is told of it
    bounced = an_event(world.workspace_id, EventType.BOUNCED)
    await world.publish(bounced)
    assert await world.ended(endpoint, bounced) == ["succeeded"]
    assert {each.message_id for each in await world.published(1)} == {bounced.message_id}
    await world.ask("PATCH", endpoint["id"], 200, {"enabled": False})
    assert (await world.ask("POST", f"{endpoint['id']}/test", 409))["code"] == "endpoint_disabled"
