"""Leadpush's webhooks (https://leadpush.io/docs/developer/webhooks), with the message events that its pages lack."""

from __future__ import annotations

from typing import Any

from tests.e2e.account import Account, fresh
from tests.fixtures.deployment import eventually


async def deliveries(account: Account, endpoint: dict[str, Any], **filters: str) -> list[dict[str, Any]]:
    """An endpoint's deliveries, newest first."""
    reply = await account.http.get(f"/v1/webhooks/{endpoint['id']}/deliveries", params=filters)
    assert reply.status_code == 200, reply.text
    return list(reply.json()["data"])


async def delivered(account: Account, endpoint: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """An endpoint's deliveries as soon as there are `count`."""

    async def there() -> list[dict[str, Any]] | None:
        found = await deliveries(account, endpoint)
        return found if len(found) >= count else None

    return await eventually(there, seconds=30, what=f"{count} deliveries")  # type: ignore[return-value]


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
    second, first = await delivered(listener, endpoint, 2)
    assert [(each["attempt"], each["state"], each["status"]) for each in (first, second)] == [
        (1, "waiting", 503), (2, "succeeded", 200),
    ]  # fmt: skip
    assert (first["error"], first["message_id"], second["next_at"]) == ("http_5xx", message_id, None)
    assert first["next_at"] > first["occurred_at"]
    assert isinstance(first["excerpt"], str)
    succeeded = await deliveries(listener, endpoint, state="succeeded", event="email.delivered")
    assert [each["id"] for each in succeeded] == [second["id"]]
    assert await deliveries(listener, endpoint, event="email.bounced") == []
    assert {each["status"] for each in await delivered(listener, other, 1)} == {200}
