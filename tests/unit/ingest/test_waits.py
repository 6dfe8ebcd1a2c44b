"""How long messages wait for their first attempt: from what is told of it, and over many of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.projection.waits import BEYOND, BOUNDS_MS, Waits, counter_of_wait, first_wait
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import Message
from shared.erasure import redacted_event
from tests.unit.ingest.lives import BEGAN, make_message

TIMINGS = {"connect": 400, "rcpt": 100, "dot": 500}


def told(message: Message, type_: EventType = EventType.DELIVERED, seconds: float = 3, **data: Any) -> Event:
    return event_of(message, type_, BEGAN + timedelta(seconds=seconds), {"timings": TIMINGS, **data})


def test_an_attempt_began_before_it_ended_by_what_its_steps_took() -> None:
    assert first_wait(told(make_message(attempt=1))) == timedelta(seconds=2)


def test_scheduled_mail_waits_from_when_it_was_due() -> None:
    scheduled = make_message(attempt=1, scheduled_at=BEGAN + timedelta(hours=1))
    assert first_wait(told(scheduled, seconds=3604)) == timedelta(seconds=3)


def test_clocks_that_differ_make_no_wait_of_less_than_nothing() -> None:
    assert first_wait(told(make_message(attempt=1), seconds=0.2)) == timedelta(0)


def test_an_erased_recipient_changes_no_wait() -> None:
    event = told(make_message(attempt=1))
    assert first_wait(redacted_event(event, "0" * 64)) == first_wait(event)


@pytest.mark.parametrize(
    ("type_", "attempt", "data"),
    [
        (EventType.DELIVERED, 2, {}),
        (EventType.SENDING, 1, {"timings": None}),
        (EventType.QUEUED, 1, {"timings": None}),
        (EventType.FAILED, 1, {"timings": None, "reason": "expired"}),
        (EventType.BOUNCED, 1, {"timings": None, "oob": True}),
        (EventType.DEFERRED, 1, {"class": "route_down"}),
        (EventType.COMPLAINED, 1, {}),
    ],
)
def test_what_is_no_outcome_of_a_first_attempt_tells_no_wait(
    type_: EventType, attempt: int, data: dict[str, Any]
) -> None:
    assert first_wait(told(make_message(attempt=attempt), type_, **data)) is None


@pytest.mark.parametrize(
    ("ms", "counter"), [(0, "100"), (100, "100"), (100.5, "250"), (5_000, "5000"), (5_001, "10000"), (10**9, BEYOND)]
)
def test_a_wait_is_counted_by_the_bound_that_it_does_not_exceed(ms: float, counter: str) -> None:
    assert counter_of_wait(timedelta(milliseconds=ms)) == counter


def test_nothing_attempted_has_no_share_and_no_quantile() -> None:
    waits = Waits({})
    assert (waits.attempted, waits.share, waits.seconds_at(0.5)) == (0, None, None)


def test_the_share_in_time_is_exact_and_what_is_beyond_shows_the_last_bound() -> None:
    waits = Waits({"100": 97, "5000": 1, "10000": 1, BEYOND: 1})
    assert (waits.attempted, waits.in_time, waits.share) == (100, 98, 0.98)
    assert waits.seconds_at(0.99) == 10
    assert waits.seconds_at(1) == 300


@given(st.lists(st.integers(0, 300_000), min_size=1), st.sampled_from([0.01, 0.5, 0.99, 1]))
def test_a_quantile_lies_within_the_bounds_of_the_exact_one(waits_ms: list[int], quantile: float) -> None:
    counts: dict[str, int] = {}
    for ms in waits_ms:
        name = counter_of_wait(timedelta(milliseconds=ms))
        counts[name] = counts.get(name, 0) + 1
    rank = -(-quantile * len(waits_ms) // 1)
    exact = sorted(waits_ms)[int(rank) - 1]
    upper = next(bound for bound in BOUNDS_MS if exact <= bound)
    lower = max((bound for bound in BOUNDS_MS if bound < upper), default=0)
    seconds = Waits(counts).seconds_at(quantile)
    assert seconds is not None
    assert lower <= seconds * 1000 + 1e-6
    assert seconds * 1000 <= upper + 1e-6
