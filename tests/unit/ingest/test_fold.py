"""The fold gives one document, whatever the order, the repetitions, the batches and the number of owners."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.projection.fold import Delta, apply, delta_of, webhook_delta
from shared.contracts.events import RANKS, Event, EventType, accepted_event, event_of
from tests.unit.ingest.lives import ADDITIONS, BEGAN, lives, make_message, outcome, told, webhook


def folded(events: list[Event]) -> dict[str, Any]:
    return apply(None, events)


@given(st.data())
def test_order_repetition_and_batches_do_not_matter(data: st.DataObject) -> None:
    events = data.draw(lives())
    heard = data.draw(told(events))
    document: dict[str, Any] = {}
    while heard:
        size = data.draw(st.integers(1, len(heard)))
        document = apply(document, heard[:size])
        heard = heard[size:]
    assert document == folded(events)


@given(st.data())
def test_two_owners_at_once_make_the_same_document(data: st.DataObject) -> None:
    """Each owner has read its batch before either has written: their deltas meet in any order."""
    events = data.draw(lives())
    first, second = (data.draw(told(events)) for _ in range(2))
    document: dict[str, Any] = {"_id": events[0].message_id}
    deltas = [delta_of(event) for event in first] + [delta_of(event) for event in second]
    for delta in data.draw(st.permutations(deltas)):
        delta.apply(document)
    assert document == folded(events)


@given(st.data())
def test_merged_deltas_do_what_they_did_apart(data: st.DataObject) -> None:
    events = data.draw(told(data.draw(lives())))
    merged, apart, together = Delta(), {}, {}  # type: ignore[var-annotated]
    for event in events:
        merged.add(delta_of(event))
        delta_of(event).apply(apart)
    merged.apply(together)
    assert together == apart


@given(lives())
def test_the_last_pass_decides(events: list[Event]) -> None:
    document = folded(events)
    ranked = [event for event in events if event.type in RANKS]
    last = max(ranked, key=lambda event: (event.sequence, event.event_id))
    assert document["head"]["event_id"] == last.event_id
    assert document["attempts"] == max(event.attempt for event in events)
    told_apart = {event.event_id for event in events if event.type is not EventType.ACCEPTED}
    assert set(document.get("events", {})) == told_apart


@given(lives())
def test_an_acceptance_that_comes_last_changes_nothing(events: list[Event]) -> None:
    """So that it need not be written where an outcome was quicker."""
    accepted, *others = events
    if any(event.type in RANKS for event in others):
        assert apply(folded(others), [accepted]) == folded(others)


def test_the_time_of_publication_is_told_by_the_events_too() -> None:
    message = make_message()
    data = {"seen": {"accepted": "2026-05-01T12:00:00.000Z", "published": "2026-05-01T12:00:00.250Z"}}
    times = folded([event_of(message, EventType.DELIVERED, BEGAN, data)])["times"]
    assert times["published_at"] == BEGAN + timedelta(milliseconds=250)


@pytest.mark.parametrize(
    ("type_", "status"),
    [
        (EventType.QUEUED, "queued"), (EventType.SENDING, "sending"), (EventType.STUCK, "stuck"),
        (EventType.AMBIGUOUS, "deferred"), (EventType.DEFERRED, "deferred"), (EventType.SUPPRESSED, "suppressed"),
        (EventType.FAILED, "failed"), (EventType.CANCELED, "canceled"), (EventType.RELAYED, "sent"),
        (EventType.DELIVERED, "delivered"), (EventType.BOUNCED, "bounced"),
    ],
)  # fmt: skip
def test_each_type_gives_its_status(type_: EventType, status: str) -> None:
    message = make_message()
    event = event_of(message, type_, BEGAN + timedelta(seconds=1))
    assert folded([accepted_event(message)])["head"]["status"] == "pending"
    assert folded([event, accepted_event(message)])["head"]["status"] == status


def test_an_ambiguous_attempt_fails_where_the_policy_says_so() -> None:
    event = event_of(make_message(), EventType.AMBIGUOUS, BEGAN, {"policy": "fail"})
    assert folded([event])["head"]["status"] == "failed"


def test_a_late_event_of_an_earlier_pass_changes_nothing() -> None:
    message = make_message()
    later = message.with_changes(pass_=2, attempt=2)
    deferred = event_of(later, EventType.DEFERRED, BEGAN, outcome(later, BEGAN, code=421))
    late = [event_of(message, type_, BEGAN + timedelta(hours=9)) for type_ in (EventType.STUCK, EventType.BOUNCED)]
    assert folded([deferred, *late])["head"]["status"] == "deferred"


@pytest.mark.parametrize("type_", ADDITIONS)
def test_what_adds_to_a_life_leaves_its_status(type_: str) -> None:
    message = make_message()
    later = [BEGAN + timedelta(seconds=number) for number in (2, 1)]
    events = [event_of(message, EventType(type_), at, occurrence=str(at)) for at in later]
    document = folded([*events, event_of(message, EventType.DELIVERED, BEGAN)])
    assert document["head"]["status"] == "delivered"
    assert document["times"][f"{type_}_at"] == later[1]
    assert len(document["events"]) == 3


@pytest.mark.parametrize("type_", ["opened", "clicked"])
def test_a_machine_has_times_of_its_own(type_: str) -> None:
    message = make_message()
    machines = event_of(message, EventType(type_), BEGAN, {"machine": True}, occurrence="machine")
    readers = event_of(message, EventType(type_), BEGAN + timedelta(hours=1))
    assert folded([machines])["times"] == {f"machine_{type_}_at": BEGAN}
    times = folded([readers, machines])["times"]
    assert times == {f"machine_{type_}_at": BEGAN, f"{type_}_at": BEGAN + timedelta(hours=1)}


def test_times_are_the_first_of_an_end_and_the_last_of_a_wait() -> None:
    message = make_message()
    events = [
        event_of(message.with_changes(pass_=number), type_, BEGAN + timedelta(seconds=number))
        for number in (1, 2)
        for type_ in (EventType.DEFERRED, EventType.DELIVERED)
    ]
    times = folded(events)["times"]
    assert times["delivered_at"] == times["sent_at"] == BEGAN + timedelta(seconds=1)
    assert times["deferred_at"] == BEGAN + timedelta(seconds=2)


def test_summaries_are_of_the_last_attempt() -> None:
    message = make_message()
    later = message.with_changes(pass_=1, attempt=1)
    first = event_of(message, EventType.DEFERRED, BEGAN, outcome(message, BEGAN, code=451, reply="451 later"))
    last = event_of(later, EventType.BOUNCED, BEGAN, outcome(later, BEGAN, code=550, **{"class": "mailbox_full"}))
    document = folded([last, first])
    assert document["reply"]["code"] == 550
    assert document["route"]["name"] == "direct"
    assert document["bounce"]["class"] == "mailbox_full"


def test_webhook_attempts_are_kept_once_each() -> None:
    message = make_message()
    document = folded([accepted_event(message)])
    for number in (2, 1, 2):
        webhook_delta(webhook(message.message_id, number)).apply(document)
    assert sorted(one["attempt"] for one in document["webhooks"].values()) == [1, 2]


def test_a_scheduled_message_is_pending_once_it_is_due_and_canceled_where_it_was_before() -> None:
    message = make_message(scheduled_at=BEGAN + timedelta(hours=2))
    announced, gone = accepted_event(message, at=message.accepted_at), accepted_event(message)
    canceled = event_of(message, EventType.CANCELED, BEGAN + timedelta(hours=1))
    assert announced.event_id == gone.event_id
    assert folded([announced])["head"]["status"] == "scheduled"
    assert folded([gone, announced]) == folded([announced, gone])
    assert folded([gone, announced])["head"]["status"] == "pending"
    assert folded([canceled, announced])["head"]["status"] == "canceled"
