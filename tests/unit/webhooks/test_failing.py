"""When an endpoint that fails is disabled."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.failing import DAY, Failing, FailingPolicy

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
POLICY = FailingPolicy(failures=3, spread=timedelta(hours=12), patience=timedelta(days=5))


def after(hours: list[float]) -> Failing | None:
    known = None
    for each in hours:
        known = POLICY.failed(known, START + timedelta(hours=each))
    return known


def over(known: Failing | None, hours: float) -> bool:
    return POLICY.over(known, START + timedelta(hours=hours))


def test_the_clock_begins_after_several_failures_with_half_a_day_between_them() -> None:
    assert after([0, 1, 11.9]) == Failing(START, 3)
    assert after([0, 12]) == Failing(START, 2)
    began = after([0, 1, 12])
    assert began is not None
    assert began.since == START + timedelta(hours=12)
    assert after([0, 1, 12, 40, 90]) == began


def test_failures_further_apart_than_a_day_begin_anew() -> None:
    assert after([0, 1, 24.1]) == Failing(START + timedelta(hours=24.1), 1)


def test_it_is_over_after_five_days_of_the_clock_and_never_without_it() -> None:
    began = after([0, 1, 12])
    assert (over(began, 12 + 119.9), over(began, 12 + 120)) == (False, True)
    assert not over(after([0, 1, 2]), 1000)
    assert not over(None, 1000)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200))
def test_most_failures_change_nothing_and_none_disables_before_its_time(waits: list[float]) -> None:
    known, at, changes, first = None, START, 0, START + timedelta(hours=waits[0])
    for wait in waits:
        at += timedelta(hours=wait)
        new = POLICY.failed(known, at)
        changes += new != known
        known = new
        if POLICY.over(known, at):
            assert at - first >= POLICY.spread + POLICY.patience
    assert changes <= 4 * (1 + (at - START) / DAY)
