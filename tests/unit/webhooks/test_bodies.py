"""What customers see of an event."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.webhooks.event_types import WEBHOOK_TYPES, webhook_body, webhook_type
from shared.contracts.events import Event, EventType, event_of
from tests.fixtures.messages import a_message

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
IDENTITY = {
    "message_id": "m1",
    "recipient": "ada@customer.test",
    "from": "shop@posthorn.test",
    "stream": "product",
    "tags": ["welcome"],
    "metadata": {"order": "17"},
    "attempt": 1,
}
OUTCOME = {
    "code": 550,
    "enhanced": "5.1.1",
    "reply": "no such user",
    "stage": "rcpt",
    "class": "invalid_recipient",
    "hard": True,
    "host": "mx.customer.test",
}
INTERNAL = {
    "transcript": [{"sent": "RCPT TO:<ada@customer.test>"}],
    "timings": {"connect": 3},
    "ip": "10.0.0.1",
    "rule": "r1",
    "scope": "transport",
    "tls": {"version": "TLSv1.3", "cipher": "x"},
    "route": {"transport": "t1"},
    "verdict": {"kind": "send"},
    "seen": {"accepted": "2026-03-01T12:00:00Z"},
}


def an_event(type_: EventType, data: dict[str, Any] | None = None) -> Event:
    fields = {"message_id": "m1", "sender": "shop@posthorn.test", "tags": ["welcome"], "metadata": {"order": "17"}}
    message = a_message("ada@customer.test", NOW, **fields).with_changes(pass_=2, attempt=1)
    return event_of(message, type_, NOW, data)


def body_of(event: Event) -> dict[str, Any]:
    type_ = webhook_type(event)
    assert type_ is not None
    body: dict[str, Any] = orjson.loads(webhook_body(event, type_))
    return body


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        (EventType.ACCEPTED, "email.accepted"),
        (EventType.RELAYED, "email.sent"),
        (EventType.DELIVERED, "email.delivered"),
        (EventType.DEFERRED, "email.deferred"),
        (EventType.BOUNCED, "email.bounced"),
        (EventType.COMPLAINED, "email.complained"),
        (EventType.SUPPRESSED, "email.suppressed"),
        (EventType.FAILED, "email.failed"),
        (EventType.CANCELED, "email.canceled"),
        (EventType.OPENED, "email.opened"),
        (EventType.CLICKED, "email.clicked"),
        (EventType.REPLIED, "email.replied"),
        (EventType.READ, "email.read"),
        (EventType.UNSUBSCRIBED, "email.unsubscribed"),
    ],
)
def test_every_type_has_its_name_and_the_message_in_its_body(type_: EventType, name: str) -> None:
    event = an_event(type_, {**OUTCOME, **INTERNAL})
    body = body_of(event)
    assert name in WEBHOOK_TYPES
    assert (body["type"], body["timestamp"]) == (name, "2026-03-01T12:00:00.123Z")
    assert body["data"] == {**IDENTITY, **OUTCOME, "sequence": event.sequence}


@pytest.mark.parametrize("type_", [EventType.QUEUED, EventType.SENDING, EventType.STUCK])
def test_what_only_we_need_to_know_is_no_webhook(type_: EventType) -> None:
    assert webhook_type(an_event(type_)) is None


@pytest.mark.parametrize(("policy", "name"), [("retry", "email.deferred"), ("fail", "email.failed")])
def test_an_ambiguous_attempt_shows_as_what_its_policy_makes_of_it(policy: str, name: str) -> None:
    body = body_of(an_event(EventType.AMBIGUOUS, {"policy": policy, "next_at": "2026-03-01T12:15:00Z"}))
    assert body["type"] == name
    assert body["data"]["ambiguous"] is True
    assert body["data"]["next_at"] == "2026-03-01T12:15:00Z"
    assert "policy" not in body["data"]


def test_a_suppression_tells_its_reason() -> None:
    data = {"verdict": {"kind": "suppressed", "reason": "hard_bounce", "evidence": {"by": "platform"}}}
    body = body_of(an_event(EventType.SUPPRESSED, data))
    assert body["data"]["reason"] == "hard_bounce"
    assert "verdict" not in body["data"]
    assert "evidence" not in body["data"]


def test_a_click_tells_where_it_led_and_whether_a_machine_made_it_and_not_from_where_it_came() -> None:
    click = {"url": "https://a.test/", "user_agent": "curl/8", "machine": True, "machine_reason": "scanner"}
    body = body_of(an_event(EventType.CLICKED, {**click, "ip": "203.0.113.0"}))
    assert body["data"].items() >= click.items()
    assert "ip" not in body["data"]
