"""Events as the sender reports them, and as health reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.router.health.told import Told
from shared.contracts.events import Event, EventType, event_of
from tests.fixtures.messages import a_message, a_route

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENDED: dict[EventType, dict[str, Any]] = {
    EventType.DELIVERED: {"stage": "dot", "code": 250, "timings": {"connect": 20, "dot": 70}},
    EventType.RELAYED: {"stage": "dot", "code": 250, "timings": {"dot": 70}},
    EventType.DEFERRED: {"stage": "rcpt", "class": "greylisted", "scope": "recipient", "hard": False},
    EventType.BOUNCED: {"stage": "rcpt", "class": "invalid_recipient", "scope": "recipient", "hard": True},
}


def an_event(
    type_: EventType = EventType.DELIVERED,
    at: datetime = NOW,
    *,
    transport: str = "direct",
    rollup: str = "google",
    kind: str = "direct",
    workspace_id: str = "w1",
    sender: str = "us@shop.test",
    **data: Any,
) -> Event:
    """What an attempt came to; `class_` is written `class`."""
    message = a_message(workspace_id=workspace_id, sender=sender)
    route = a_route(transport, rollup, kind=kind).model_dump(mode="json")
    said = {**ENDED.get(type_, {}), "route": route, **data}
    if "class_" in said:
        said["class"] = said.pop("class_")
    return event_of(message, type_, at, {name: value for name, value in said.items() if value is not None})


def failed(at: datetime = NOW, transport: str = "relay", **changes: Any) -> Event:
    """A smart host that nobody answered at."""
    data = {"stage": "connect", "class_": "route_down", "scope": "transport"}
    where = {"transport": transport, "kind": "smarthost", "rollup": f"smarthost:{transport}"}
    return an_event(EventType.DEFERRED, at, **{**data, **where, **changes})


def relayed(at: datetime = NOW, transport: str = "relay", **changes: Any) -> Event:
    where = {"transport": transport, "kind": "smarthost", "rollup": f"smarthost:{transport}"}
    return an_event(EventType.RELAYED, at, **{**where, **changes})


def told(event: Event) -> Told:
    """As it is read from Kafka."""
    return Told.decode(event.encode())
