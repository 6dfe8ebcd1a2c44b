"""Slots of time: each event once, in the time that it happened in, and no more ways than a slot may have."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from services.router.health.counting import sort_out
from services.router.health.counts import counts_of
from services.router.health.slots import AHEAD, HORIZON, MOST_WAYS, OTHERS, Slot, Span, start_of, summed
from shared.contracts.events import Event, EventType
from shared.kafka.batch import Incoming
from tests.unit.router.health.events import NOW, an_event, told

WIDTH = timedelta(seconds=10)
EVENTS = [
    *(an_event(rollup=rollup, sender=sender) for rollup in ("google", "yahoo") for sender in ("a@a.test", "b@b.test")),
    *(an_event(EventType.DEFERRED, class_="block_reputation") for _ in range(3)),
    an_event(EventType.COMPLAINED, stage=None, route=None),
]


def counted(*events: Event) -> Slot:
    slot = Slot((0, NOW))
    slot.add_all([(told(event), counts_of(told(event))) for event in events])
    return slot


def incoming(event: Event, partition: int = 0) -> Incoming[Any]:
    return Incoming(told(event), "mail.events", cast(Any, SimpleNamespace(partition=partition)))


@given(st.lists(st.sampled_from(EVENTS)), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(events: list[Event], random: Any) -> None:
    again = list({event.event_id: event for event in events}.values())
    random.shuffle(again)
    once, often = counted(*again), counted(*events, *events)
    assert (once.ways, once.senders, once.seen) == (often.ways, often.senders, often.seen)
    assert Slot.unpacked(once.packed()) == once.seen


def test_what_a_slot_adds_up() -> None:
    slot = counted(*EVENTS)
    assert {pair: way.counts["attempts"] for pair, way in slot.ways.items()} == {
        ("direct", "google"): 5,
        ("direct", "yahoo"): 2,
    }
    assert slot.senders["w1", "shop.test", "direct"] == Counter(attempts=3, deferred=3, blocked=3)
    assert slot.senders["w1", "shop.test", ""] == Counter(complained=1)
    assert slot.senders["w1", "a.test", "direct"]["accepted"] == 2


def test_a_full_slot_keeps_a_transports_own_sums_whole() -> None:
    slot = counted(*(an_event(rollup=f"d:{number}.test") for number in range(MOST_WAYS + 20)))
    assert len(slot.ways) == MOST_WAYS + 1
    assert slot.ways["direct", OTHERS].counts["attempts"] == 20
    assert sum(way.counts["attempts"] for way in slot.ways.values()) == MOST_WAYS + 20


def test_what_comes_late_or_from_the_future_counts_nowhere() -> None:
    times = [NOW, NOW - HORIZON, NOW - HORIZON - WIDTH, NOW + AHEAD, NOW + AHEAD + WIDTH]
    batch = [incoming(an_event(at=at)) for at in times] + [incoming(an_event(EventType.OPENED))]
    groups, results = sort_out(batch, NOW, WIDTH)
    assert results == {"counted": 3, "late": 2, "nothing": 1}
    assert {at for _, at in groups} == {NOW, NOW - HORIZON, NOW + AHEAD}


def test_a_slot_is_of_one_partition_and_one_time() -> None:
    at = NOW + timedelta(seconds=19.999)
    batch = [incoming(an_event(at=at), partition) for partition in (0, 1)]
    assert set(sort_out(batch, NOW + WIDTH, WIDTH)[0]) == {(0, NOW + WIDTH), (1, NOW + WIDTH)}
    assert start_of(at, timedelta(seconds=0.5)) == NOW + timedelta(seconds=19.5)


def test_sums_leave_out_what_began_before() -> None:
    spans = [Span(NOW + number * WIDTH, counted(an_event()).ways) for number in range(3)]
    assert summed(spans)["direct", "google"].counts["attempts"] == 3
    assert summed(spans, NOW + timedelta(seconds=1))["direct", "google"].counts["attempts"] == 2
    assert spans[0].ways["direct", "google"].counts["attempts"] == 1


def test_sums_of_what_is_named() -> None:
    ways = counted(an_event(), an_event(rollup="yahoo"), an_event(transport="relay")).ways
    assert set(summed([Span(NOW, ways)], None, "direct")) == {("direct", "google"), ("direct", "yahoo")}
    assert set(summed([Span(NOW, ways)], None, "direct", "yahoo")) == {("direct", "yahoo")}
    assert summed([Span(NOW, ways)], None, "relay", "yahoo") == {}
