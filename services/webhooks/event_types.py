"""The event types that customers see, and what of an event they see."""

from __future__ import annotations

from typing import Any, Literal, get_args

import orjson

from shared.contracts.events import Event, EventType
from shared.contracts.record import rfc3339

WebhookType = Literal[
    "email.accepted",
    "email.sent",
    "email.delivered",
    "email.deferred",
    "email.bounced",
    "email.complained",
    "email.suppressed",
    "email.failed",
    "email.canceled",
    "email.opened",
    "email.clicked",
    "email.replied",
    "email.read",
    "email.unsubscribed",
    "endpoint.disabled",
    "webhook.test",
]
TEST = "webhook.test"
"""What an endpoint gets when its owner asks for a test, whatever types it asks for."""
WEBHOOK_TYPES: frozenset[str] = frozenset(get_args(WebhookType))
ON_REQUEST: frozenset[str] = frozenset({"email.accepted"})
"""Types that only an endpoint which names them gets."""

DISABLED = "endpoint.disabled"
"""What a workspace's other endpoints get when one of them is disabled by us."""

_RENAMED = {EventType.RELAYED: "email.sent"}
_INTERNAL = frozenset(
    {
        EventType.QUEUED,
        EventType.SENDING,
        EventType.STUCK,
        EventType.AMBIGUOUS,
        EventType.AUTO_REPLY,
        EventType.REPORTED,
    }
)
_NAMES: dict[EventType, str] = {
    type_: _RENAMED.get(type_, f"email.{type_}") for type_ in EventType if type_ not in _INTERNAL
}
_DETAIL = (
    "code", "enhanced", "reply", "stage", "class", "hard", "host", "next_at", "reason", "url", "user_agent",
    "oob", "feedback_type", "machine", "machine_reason", "method",
)  # fmt: skip
"""What customers see of an event's data. Transcripts, timings, addresses of ours, routes and verdicts stay inside."""


def webhook_type(event: Event) -> str | None:
    """The customer's name for an event, None where it is not for customers.

    An ambiguous attempt shows as what its policy made of the message: tried again, or failed.
    """
    if event.type is EventType.AMBIGUOUS:
        return "email.failed" if event.data.get("policy") == "fail" else "email.deferred"
    return _NAMES.get(event.type)


def webhook_body(event: Event, type_: str) -> bytes:
    """The JSON body (Standard Webhooks 1.0.0, "Payload structure"); made once, stored and signed as these bytes."""
    return orjson.dumps({"type": type_, "timestamp": rfc3339(event.occurred_at), "data": _data(event)})


def _data(event: Event) -> dict[str, Any]:
    data: dict[str, Any] = {
        "message_id": event.message_id,
        "sequence": event.sequence,
        "attempt": event.attempt,
        "recipient": event.recipient,
        "from": event.sender,
        "stream": str(event.stream),
        "tags": event.tags,
        "metadata": event.metadata,
    }
    data |= {name: event.data[name] for name in _DETAIL if name in event.data}
    verdict = event.data.get("verdict") or {}
    if "reason" not in data and verdict.get("reason") and event.type is not EventType.DELIVERED:
        data["reason"] = verdict["reason"]
    if event.type is EventType.AMBIGUOUS:
        data["ambiguous"] = True
    return data
