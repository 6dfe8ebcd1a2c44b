"""How a destination is given more and less: the rule holds whatever comes in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.sender.destinations.adaptation import FIRST_WINDOW, Observed, Slow, Standing, after

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
COOLDOWNS = (60.0, 120.0, 300.0)

observations = st.builds(
    Observed,
    good=st.integers(0, 60),
    failed=st.integers(0, 30),
    fresh=st.booleans(),
    slow=st.none() | st.builds(Slow, st.just(NOW + timedelta(hours=1)), st.just(1), st.just(1.0), st.just("slowly")),
    suspended=st.none() | st.just(NOW + timedelta(hours=2)),
)
limits = st.integers(1, 50)


def all_of(seen: list[Observed], limit: int, every: timedelta = timedelta()) -> list[Standing]:
    standings = [Standing()]
    for turn, each in enumerate(seen):
        standings.append(after(standings[-1], each, limit, COOLDOWNS, NOW + turn * every))
    return standings


@given(st.lists(observations, max_size=40), limits, st.sampled_from([0, 1, 61, 3600]))
def test_it_stays_between_nothing_and_the_limit_and_never_forgets_the_way_back(
    seen: list[Observed], limit: int, seconds: int
) -> None:
    every = timedelta(seconds=seconds)
    for standing in all_of(seen, limit, every):
        assert 1 <= standing.window <= max(limit, FIRST_WINDOW)
        assert 0 <= standing.allowed(limit, NOW) <= limit
        assert standing.good < standing.window
        assert 0 <= standing.failed < max(standing.cohort, 1)
    # whatever happened, a day of success gives it all of its connections again
    later = NOW + len(seen) * every + timedelta(days=1)
    recovered = after(standing, Observed(good=limit * limit), limit, COOLDOWNS, later)
    assert recovered.allowed(limit, later) == limit


@given(st.lists(st.integers(0, 60).map(lambda good: Observed(good=good)), max_size=40), limits)
def test_success_takes_nothing_away_and_a_cohort_adds_one(seen: list[Observed], limit: int) -> None:
    standings = all_of(seen, limit)
    assert all(before.window <= now.window for before, now in pairwise(standings))
    one_by_one = all_of([Observed(good=1) for each in seen for _ in range(each.good)], limit)
    assert standings[-1].window == one_by_one[-1].window


@given(st.integers(FIRST_WINDOW, 50))
def test_a_fresh_failure_halves_and_one_that_was_under_way_does_not(window: int) -> None:
    standing = Standing(window=window)
    halved = after(standing, Observed(good=1, failed=1, fresh=True), 50, COOLDOWNS, NOW)
    assert halved.window == window // 2
    again = after(halved, Observed(failed=1), 50, COOLDOWNS, NOW)
    assert again.window == halved.window or again.cooling(NOW)


def test_a_whole_cohort_down_is_left_alone_for_longer_each_time_until_one_succeeds() -> None:
    standing, now, waits = Standing(window=4), NOW, []
    standing = after(standing, Observed(failed=3, fresh=True, why="421 busy"), 10, COOLDOWNS, now)
    assert not standing.cooling(now)
    for _ in range(4):
        standing = after(standing, Observed(failed=1, fresh=True, why="421 busy"), 10, COOLDOWNS, now)
        assert standing.until is not None
        assert standing.allowed(10, now) == 0
        assert standing.waits_for(now) == ("the destination is left alone after: 421 busy", standing.until)
        waits.append((standing.until - now).total_seconds())
        now = standing.until
        assert standing.allowed(10, now) == 1
    assert waits == [60, 120, 300, 300]
    standing = after(standing, Observed(good=1), 10, COOLDOWNS, now)
    assert (standing.step, standing.window) == (0, 2)


def test_a_success_between_failures_is_no_cohort_down() -> None:
    standing = Standing(window=2)
    for _ in range(10):
        standing = after(standing, Observed(failed=1), 10, COOLDOWNS, NOW)
        standing = after(standing, Observed(good=1), 10, COOLDOWNS, NOW)
        assert standing.until is None


def test_what_was_under_way_when_a_cooldown_began_does_not_lengthen_it() -> None:
    standing = after(Standing(), Observed(failed=2, fresh=True), 10, COOLDOWNS, NOW)
    assert after(standing, Observed(failed=20, fresh=True), 10, COOLDOWNS, NOW) == standing


def test_nothing_is_to_be_written_while_all_goes_well_at_the_limit() -> None:
    standing = Standing(window=10, cohort=10)
    assert after(standing, Observed(good=500), 10, COOLDOWNS, NOW) == standing


def test_a_text_slows_down_or_stops_for_as_long_as_it_says() -> None:
    slow = Slow(NOW + timedelta(minutes=90), 1, 1.0, "451 4.7.500 Server busy")
    standing = after(Standing(window=8), Observed(failed=1, fresh=True, slow=slow), 10, COOLDOWNS, NOW)
    assert (standing.allowed(10, NOW), standing.slowed(NOW)) == (1, slow)
    assert standing.allowed(10, slow.until) == 4
    # the same text again does not halve it again
    longer = Slow(slow.until + timedelta(seconds=1), 1, 1.0, slow.why)
    assert after(standing, Observed(failed=1, slow=slow), 10, COOLDOWNS, NOW) == standing
    assert after(standing, Observed(failed=1, slow=longer), 10, COOLDOWNS, NOW).slow == longer
    until = NOW + timedelta(hours=2)
    stopped = after(standing, Observed(failed=1, suspended=until, why="[TSS04]"), 10, COOLDOWNS, NOW)
    assert (stopped.allowed(10, NOW), stopped.until) == (0, until)
