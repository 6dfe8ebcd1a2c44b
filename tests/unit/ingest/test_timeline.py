"""The timeline unfolds what each pass's event reports, in the order of time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given

from services.ingest.projection.fold import apply, webhook_delta
from services.ingest.projection.timeline import timeline_of
from shared.contracts.events import Event, EventType, accepted_event, event_of
from tests.unit.ingest.lives import BEGAN, TRACE, lives, make_message, outcome, webhook


def at(seconds: float) -> Any:
    return BEGAN + timedelta(seconds=seconds)


def steps_of(events: list[Event]) -> list[dict[str, Any]]:
    return timeline_of(apply(None, events))


def test_one_delivery_shows_every_stage() -> None:
    message = make_message().with_changes(attempt=1)
    document = apply(
        None, [accepted_event(message), event_of(message, EventType.DELIVERED, at(2), outcome(message, at(1)))]
    )
    document["times"]["published_at"] = at(0.5)
    webhook_delta(webhook(message.message_id, 1)).apply(document)
    entries = timeline_of(document)
    assert [entry["step"] for entry in entries] == [
        "accepted", "published", "routed", "checked", "attempt", "webhook",
    ]  # fmt: skip
    accepted, published, routed, checked, attempt, posted = entries
    assert (accepted["ms"], published["ms"], published["ms_since_previous"]) == (0, 500, 500)
    assert [candidate.get("lost") for candidate in routed["candidates"]] == [None, "second"]
    assert checked["verdict"] == "send"
    assert attempt["event"] == "delivered"
    assert attempt["transcript"]
    assert attempt["host"] == "mx1.example.test"
    assert (attempt["ms"], attempt["ms_since_previous"]) == (2000, 1000)
    assert (posted["status"], posted["duration_ms"], posted["ok"]) == (500, 12, False)


def test_each_pass_shows_its_own_route_and_release() -> None:
    first = make_message().with_changes(attempt=1)
    second = first.with_changes(pass_=1, attempt=2)
    released = outcome(second, at(60))
    released["seen"]["released"] = at(59).isoformat()
    entries = steps_of(
        [
            event_of(first, EventType.DEFERRED, at(2), outcome(first, at(1), code=451, next_at=at(59).isoformat())),
            event_of(second, EventType.QUEUED, at(61), {"reason": "destination", **outcome(second, at(60))}),
            event_of(second, EventType.DELIVERED, at(62), released),
        ]
    )
    assert [(entry["step"], entry.get("pass")) for entry in entries] == [
        ("accepted", None), ("routed", 0), ("checked", 0), ("attempt", 0),
        ("released", 1), ("routed", 1), ("checked", 1), ("attempt", 1), ("attempt", 1),
    ]  # fmt: skip


def test_what_is_no_attempt_goes_by_its_own_name() -> None:
    message = make_message()
    entries = steps_of(
        [
            event_of(message, EventType.STUCK, at(1), {"stage": "router", "reason": "handler"}),
            event_of(message, EventType.FAILED, at(2), {"reason": "expired"}),
        ]
    )
    assert [entry["step"] for entry in entries] == ["accepted", "stuck", "failed"]
    assert entries[1]["data"] == {"stage": "router", "reason": "handler"}


def test_an_event_under_another_trace_names_it() -> None:
    message = make_message()
    other = TRACE.replace("0af7", "1af7")
    document = apply(None, [event_of(message.with_changes(trace=other), EventType.DELIVERED, at(1), {})])
    document["trace"] = TRACE
    assert timeline_of(document)[-1]["trace_id"] == other.split("-")[1]


@given(lives())
def test_any_life_is_told_in_order_and_in_full(events: list[Event]) -> None:
    entries = steps_of(events)
    assert [entry["ms"] for entry in entries] == sorted(entry["ms"] for entry in entries)
    assert sum(entry["ms_since_previous"] for entry in entries) == entries[-1]["ms"]
    told = {entry["event_id"] for entry in entries if "event_id" in entry}
    assert told == {event.event_id for event in events if event.type is not EventType.ACCEPTED}
