"""What opens which breaker: a smart host by its own failures, a pool by being cut off, a rollup by its blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.router.health.breaker import Breaker, Key, Policy, Tally, judge
from services.router.health.counts import counts_of
from services.router.health.slots import HORIZON, OTHERS, Pair, Slot, Span, Way, summed
from services.router.health.standing import State
from services.router.health.tallies import MOST_TOLD, judged_from, reached_in, tallies, transitions, worth_telling
from shared.contracts.events import Event, EventType
from tests.unit.router.health.events import NOW, an_event, failed, relayed, told

POLICY = Policy()
TICK = timedelta(seconds=10)
ROLLUPS = ("google", "yahoo", "mx:0123", "d:dead.test")


def span(events: Iterable[Event], at: Any = NOW) -> Span:
    slot = Slot((0, at))
    slot.add_all([(told(event), counts_of(told(event))) for event in events])
    return Span(at, slot.ways)


def changes_of(
    spans: list[Span], breakers: Mapping[Key, Breaker], reached: Iterable[Pair], now: datetime
) -> list[Breaker]:
    known = set(reached)
    recent = tallies(summed(spans, now - POLICY.window), known, POLICY)
    return transitions(spans, recent, breakers, known, now, POLICY)


def unreached(rollup: str, transport: str = "direct") -> Event:
    return an_event(
        EventType.DEFERRED, rollup=rollup, transport=transport, stage="connect", class_="connection", scope="recipient"
    )


def blocked(rollup: str) -> Event:
    return an_event(EventType.BOUNCED, rollup=rollup, class_="block_reputation", scope="transport", hard=False)


def opened(*events: Event, reached: Iterable[str] = ()) -> set[Key]:
    known = {("direct", rollup) for rollup in reached}
    changes = changes_of([span(events)], {}, known, NOW)
    assert all(change.state is State.OPEN for change in changes)
    return {change.key for change in changes}


def test_a_smart_host_that_fails_opens_altogether() -> None:
    assert opened(*(failed() for _ in range(10))) == {("relay", None)}
    assert opened(*(failed() for _ in range(9))) == set()
    assert opened(*(failed() for _ in range(10)), *(relayed() for _ in range(11))) == set()
    assert opened(*(failed(transport="other") for _ in range(10)), *(relayed() for _ in range(11))) == {("other", None)}


def test_what_recipients_say_by_a_smart_host_is_not_its_failure() -> None:
    said = [relayed(class_="mailbox_full", scope="recipient") for _ in range(20)]
    assert opened(*(event.with_changes(type=EventType.DEFERRED) for event in said)) == set()


def test_blocks_at_one_provider_open_the_pool_towards_it_alone() -> None:
    blocks = [blocked("google") for _ in range(10)]
    assert opened(*blocks, *(an_event(rollup="yahoo") for _ in range(3)), reached=ROLLUPS) == {("direct", "google")}


def test_one_provider_that_is_down_does_not_open_the_pool() -> None:
    down = [unreached("google") for _ in range(200)]
    assert opened(*down, reached=ROLLUPS) == set()
    assert opened(*down, unreached("yahoo"), reached=ROLLUPS) == set()


def test_a_pool_that_is_cut_off_opens_altogether() -> None:
    lost = [unreached(rollup) for rollup in ROLLUPS[:3] for _ in range(4)]
    assert opened(*lost, reached=ROLLUPS) == {("direct", None)}
    assert opened(*lost, *(an_event(rollup="mx:9") for _ in range(13)), reached=(*ROLLUPS, "mx:9")) == set()


def test_hosts_that_were_never_there_say_nothing_of_the_pool() -> None:
    dead = [unreached(f"d:dead{number}.test") for number in range(50)]
    assert opened(*dead, an_event(), reached=["google"]) == set()
    assert reached_in(span([*dead, an_event()]).ways) == {("direct", "google")}


def test_ways_beyond_the_slots_room_have_no_breaker_of_their_own() -> None:
    counts = Counter(attempts=50, blocked=50)
    found = tallies({("direct", OTHERS): Way("direct", counts)}, (), POLICY)
    assert set(found) == {("direct", None)}


def test_half_open_the_pool_is_judged_by_what_it_was_cut_off_from() -> None:
    lost = [unreached(rollup) for rollup in ROLLUPS[:3] for _ in range(4)]
    known = {("direct", rollup) for rollup in ROLLUPS[:3]}
    (breaker,) = changes_of([span(lost)], {}, known, NOW)
    assert breaker.tally.cut_off == tuple(sorted(ROLLUPS[:3]))
    half = judge(breaker, Tally(), NOW + TICK * 6, POLICY)
    later = NOW + TICK * 7
    dead = [span([unreached("d:dead.test") for _ in range(9)], later)]
    assert changes_of(dead, {half.key: half}, (), later) == []
    still = [span([unreached(rollup) for rollup in ROLLUPS[:3]], later)]
    assert [each.state for each in changes_of(still, {half.key: half}, (), later)] == [State.OPEN]
    back = [span([an_event(rollup="google") for _ in range(3)], later)]
    assert [each.state for each in changes_of(back, {half.key: half}, (), later)] == [State.CLOSED]


def test_a_breaker_is_judged_by_what_came_after_its_last_change() -> None:
    spans = [span([failed() for _ in range(20)], NOW), span([relayed() for _ in range(3)], NOW + TICK)]
    half = Breaker(("relay", None), State.HALF_OPEN, NOW + TICK, openings=1)
    now = NOW + 2 * TICK
    (shut,) = changes_of(spans, {half.key: half}, (), now)
    assert shut.state is State.CLOSED
    assert changes_of(spans, {shut.key: shut}, (), now) == []
    long_ago = Breaker(shut.key, State.CLOSED, now - POLICY.window)
    assert [each.state for each in changes_of(spans, {long_ago.key: long_ago}, (), now)] == [State.OPEN]
    # a slot that had begun before the change is of both times: it is left out
    early = Breaker(("relay", None), State.HALF_OPEN, NOW + TICK / 2, openings=1)
    assert [each.state for each in changes_of(spans, {early.key: early}, (), now)] == [State.CLOSED]


def test_a_half_open_breaker_waits_for_its_few_attempts_longer_than_a_window() -> None:
    half = Breaker(("relay", None), State.HALF_OPEN, NOW, openings=1)
    spans = [span([relayed()], NOW + minutes * timedelta(minutes=10)) for minutes in (1, 2, 3)]
    now = NOW + timedelta(minutes=31)
    (shut,) = changes_of(spans, {half.key: half}, (), now)
    assert shut.state is State.CLOSED
    assert judged_from([half, shut], now, POLICY) == NOW
    assert judged_from([shut], now, POLICY) == now - POLICY.window
    assert judged_from([half], NOW + timedelta(hours=9), POLICY) == NOW + timedelta(hours=9) - HORIZON


def test_only_what_is_troubled_is_told_and_the_worst_of_many() -> None:
    many = {("direct", f"d:{number}.test"): Tally(100, 1) for number in range(MOST_TOLD)}
    told_of = worth_telling(
        {**many, ("relay", None): Tally(10, 10), ("fine", None): Tally(10, 0), ("few", None): Tally(9, 9)}, POLICY
    )
    assert len(told_of) == MOST_TOLD
    assert next(iter(told_of)) == ("relay", None)
    assert not {("fine", None), ("few", None)} & told_of.keys()


EVENTS = [*map(unreached, ROLLUPS), *map(blocked, ROLLUPS), failed(), relayed(), an_event(), an_event(rollup="yahoo")]


@given(st.lists(st.sampled_from(EVENTS), max_size=60), st.randoms(use_true_random=False), st.integers(1, 4))
def test_neither_order_nor_how_events_fell_into_spans_matters(events: list[Event], random: Any, parts: int) -> None:
    fresh = [event.with_changes(event_id=f"{number:08x}") for number, event in enumerate(events)]
    known: set[Pair] = {("direct", rollup) for rollup in ROLLUPS}
    once = changes_of([span(fresh)], {}, known, NOW)
    random.shuffle(fresh)
    often = changes_of([span(fresh[part::parts]) for part in range(parts)], {}, known, NOW)
    assert {change.key: change for change in once} == {change.key: change for change in often}
