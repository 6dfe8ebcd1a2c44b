"""Leadpush's webhooks (https://leadpush.io/docs/developer/webhooks), with the message events that its pages lack."""

from __future__ import annotations

from typing import Any

from tests.e2e.account import Account, fresh
from tests.fixtures.deployment import eventually


async def deliveries(account: Account, endpoint: dict[str, Any], **filters: str) -> list[dict[str, Any]]:
    """An endpoint's deliveries, newest first."""
    reply = await account.http.get("/v1/webhooks/deliveries", params={"endpoint": endpoint["id"], **filters})
    assert reply.status_code == 200, reply.text
    return list(reply.json()["data"])


async def in_state(account: Account, endpoint: dict[str, Any], state: str, **filters: str) -> dict[str, Any]:
    """The one delivery of an endpoint that passes the filters, in detail, as soon as it is in this state."""

    async def there() -> list[dict[str, Any]]:
        return await deliveries(account, endpoint, state=state, **filters)

    [found] = await eventually(there, seconds=30, what=f"a delivery that is {state}")  # type: ignore[misc]
    return dict(await account.get(f"/v1/webhooks/{endpoint['id']}/deliveries/{found['id']}"))


async def test_a_destination_s_secret_is_shown_once_and_it_can_be_disabled(listener: Account) -> None:
    _, endpoint = await listener.hook("email.delivered")
    path = f"/v1/webhooks/{endpoint['id']}"
    for shown in ((await listener.http.get(path)).text, (await listener.http.get("/v1/webhooks?limit=100")).text):
        assert endpoint["id"] in shown
        assert endpoint["secret"] not in shown
    changed = await listener.http.patch(path, json={"enabled": False, "description": "stopped"})
    assert (changed.json()["enabled"], changed.json()["description"]) == (False, "stopped")
    assert (await listener.get(path))["enabled"] is False


async def test_message_events_come_to_the_destination(listener: Account) -> None:
    name, _ = await listener.hook("email.delivered", "email.deferred", "email.bounced", "email.suppressed")
    suppressed = fresh("ok")
    await listener.make("/v1/suppressions", email=suppressed)
    delivered, deferred, bounced, stopped = await listener.send(
        fresh("ok"), fresh("defer-once"), fresh("permfail"), suppressed
    )
    hooks = await listener.hooked(name, 5, delivered, deferred, bounced, stopped)
    told = {(each["json"]["type"], each["json"]["data"]["message_id"]) for each in hooks}
    assert told == {
        ("email.delivered", delivered),
        ("email.deferred", deferred),
        ("email.delivered", deferred),
        ("email.bounced", bounced),
        ("email.suppressed", stopped),
    }


async def test_deliveries_show_each_attempt_by_destination_event_and_state(listener: Account) -> None:
    name, endpoint = await listener.hook("email.delivered", path="/fail-first/1")
    _, other = await listener.hook("email.delivered")
    (message_id,) = await listener.send(fresh("ok"))
    await listener.hooked(name, 2, message_id)
    shown = await in_state(listener, endpoint, "succeeded", message=message_id)
    second, first = shown["attempts"]
    assert [(each["attempt"], each["state"], each["status"]) for each in (first, second)] == [
        (1, "retrying", 503), (2, "succeeded", 200),
    ]  # fmt: skip
    assert (first["error"], shown["message_id"], shown["next_at"]) == ("http_5xx", message_id, None)
    assert first["next_at"] > first["occurred_at"]
    assert isinstance(first["excerpt"], str)
    succeeded = await deliveries(listener, endpoint, state="succeeded", event="email.delivered", message=message_id)
    assert [(each["id"], each["attempt_count"]) for each in succeeded] == [(shown["id"], 2)]
    assert await deliveries(listener, endpoint, event="email.bounced") == []
    assert [
        each["status"] for each in (await in_state(listener, other, "succeeded", message=message_id))["attempts"]
    ] == [200]


async def test_a_delivery_shows_its_rendered_request_and_is_retried_by_hand(listener: Account) -> None:
    name, endpoint = await listener.hook("email.delivered", path="/fail-first/1")
    (message_id,) = await listener.send(fresh("ok"))
    await listener.hooked(name, 2, message_id)
    shown = await in_state(listener, endpoint, "succeeded", message=message_id)
    assert shown["request"]["method"] == "POST"
    assert shown["request"]["url"] == endpoint["url"].partition("?")[0]
    assert (shown["payload"]["type"], shown["payload"]["data"]["message_id"]) == ("email.delivered", message_id)
    await listener.http.patch(f"/v1/webhooks/{endpoint['id']}", json={"url": "http://127.0.0.1:1/nobody"})
    (other_id,) = await listener.send(fresh("ok"))
    waits = await in_state(listener, endpoint, "retrying", message=other_id)
    assert waits["attempts"][-1]["error"] == "connect"
    await listener.http.patch(f"/v1/webhooks/{endpoint['id']}", json={"url": endpoint["url"]})
    retry = f"/v1/webhooks/{endpoint['id']}/deliveries/{waits['id']}/retry"
    assert (await listener.http.post(retry)).status_code == 202
    again = await listener.hooked(name, 3, message_id, other_id)
    assert {each["headers"]["webhook-id"] for each in again} == {shown["id"], waits["id"]}


async def test_a_test_event_comes_to_the_destination(listener: Account) -> None:
    _, endpoint = await listener.hook("email.bounced")
    reply = await listener.http.post(f"/v1/webhooks/{endpoint['id']}/test", params={"wait": 20})
    assert (reply.status_code, reply.json()["event_type"]) == (202, "webhook.test")
    shown = await in_state(listener, endpoint, "succeeded", event="webhook.test")
    assert (shown["id"], shown["attempts"][0]["status"]) == (reply.json()["id"], 200)
