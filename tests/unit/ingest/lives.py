"""Whole lives of messages, for tests of the fold: what a sender really tells of one, pass by pass."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.contracts.events import Event, EventType, accepted_event, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import Lane
from shared.contracts.webhooks import WebhookAttempt
from tests.fixtures.messages import a_message

BEGAN = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ADDITIONS = ("complained", "opened", "clicked", "replied", "read", "unsubscribed")
TERMINAL = ("delivered", "relayed", "bounced", "suppressed", "failed", "canceled", "expired")


def make_message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "accepted_at": BEGAN,
        "submission_id": "submission-1",
        "workspace_id": "workspace-1",
        "recipient": "Known@example.test",
        "sender": "alerts@acme.test",
        "content_id": "content-1",
        "tags": ["welcome"],
        "metadata": {"order.id": "7"},
        "trace": TRACE,
    }
    return a_message(**{**fields, **changes})


def outcome(message: Message, at: datetime, **more: Any) -> dict[str, Any]:
    """An outcome's data: the reply, with the route and the verdict of its pass."""
    stamp = at.isoformat().replace("+00:00", "Z")
    return {
        "code": 250,
        "reply": "250 ok",
        "host": "mx1.example.test",
        "transcript": [{"stage": "rcpt", "reply": "250 ok", "ms": 3}],
        "timings": {"connect": 2},
        "route": {
            "transport": "t1",
            "kind": "direct",
            "rollup": "other",
            "rule": "default",
            "decided_at": stamp,
            "candidates": [
                {"transport": "t1", "name": "direct", "score": 1.0},
                {"transport": "t2", "name": "smart", "score": 0.5, "lost": "second"},
            ],
        },
        "verdict": {"kind": "send", "by": "suppression", "checked_at": stamp},
        "seen": {"accepted": stamp, "routed": stamp, "checked": stamp},
        **more,
    }


@st.composite
def lives(draw: st.DrawFn, largest: int = 5) -> list[Event]:
    """The events of one message in the order of their happening: accepted, passes, an end (or none), what follows."""
    message = make_message()
    now = BEGAN
    events = [accepted_event(message)]

    def happen(type_: EventType, data: dict[str, Any], occurrence: str = "") -> None:
        nonlocal now
        now += timedelta(milliseconds=draw(st.integers(1, 100_000)))
        events.append(event_of(message, type_, now, data, occurrence=occurrence))

    for number in range(draw(st.integers(0, largest))):
        message = message.with_changes(pass_=number, attempt=number + 1, lane=draw(st.sampled_from(list(Lane))))
        if draw(st.booleans()):
            happen(EventType.QUEUED, {"why": "destination"})
        if draw(st.booleans()):
            happen(EventType.STUCK, {"stage": "router"}, "mail.accepted.standard")
        if draw(st.booleans()):
            policy = draw(st.sampled_from(["retry", "fail"]))
            happen(EventType.AMBIGUOUS, outcome(message, now, policy=policy, **{"class": "connection"}))
        next_at = (now + timedelta(minutes=5)).isoformat()
        happen(EventType.DEFERRED, outcome(message, now, code=451, reply="451 later", next_at=next_at))
    end = draw(st.sampled_from([*TERMINAL, None]))
    message = message.with_changes(pass_=message.pass_ + 1, attempt=message.attempt + 1)
    if end == "expired":
        happen(EventType.FAILED, {"reason": "expired"})
    elif end is not None:
        happen(EventType(end), outcome(message, now, **{"class": "invalid_recipient", "hard": True}))
    if end in ("delivered", "relayed"):
        if draw(st.booleans()):
            happen(EventType.BOUNCED, {"class": "mailbox_full", "hard": False, "oob": True}, "dsn-1")
        for type_ in draw(st.lists(st.sampled_from(ADDITIONS))):
            machine = {"machine": True, "machine_reason": "scanner"} if draw(st.booleans()) else {}
            happen(EventType(type_), machine, f"{draw(st.integers(0, 3))}{len(machine)}")
    return events


@st.composite
def told(draw: st.DrawFn, events: list[Event]) -> list[Event]:
    """The same events as Kafka may give them: each at least once, some again, in any order."""
    again = draw(st.lists(st.sampled_from(events), max_size=5))
    order: list[Event] = draw(st.permutations(events + again))
    return order


def webhook(message_id: str, number: int) -> WebhookAttempt:
    return WebhookAttempt(
        attempt_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{message_id}:{number}")),
        message_id=message_id,
        workspace_id="workspace-1",
        event_id="event-1",
        event_type="email.delivered",
        endpoint_id="endpoint-1",
        url="https://hooks.example.test/",
        attempt=number,
        status=500 if number == 1 else 200,
        ms=12,
        ok=number > 1,
        occurred_at=BEGAN + timedelta(seconds=100 + number),
        excerpt="ok",
    )
