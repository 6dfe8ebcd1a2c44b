"""A rate holds over any time, however it is asked and however it changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.sender.destinations.buckets import Bucket

rates = st.floats(0.01, 1000)


@given(rates, st.floats(1, 20), st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_no_more_go_than_the_rate_and_the_burst_allow(rate: float, burst: float, pauses: list[float]) -> None:
    bucket, now, taken = Bucket(rate, burst, 0.0, burst), 0.0, 0
    for pause in pauses:
        now += pause
        while bucket.wait(now) == 0:
            bucket.take(now)
            taken += 1
    assert taken <= burst + rate * now + 1e-6


@given(rates, st.integers(1, 30))
def test_who_waits_as_told_goes_at_the_rate(rate: float, many: int) -> None:
    bucket, now = Bucket(rate, 1, 0.0), 0.0
    for _ in range(many):
        now += bucket.wait(now)
        assert bucket.wait(now) == 0
        bucket.take(now)
    assert abs(now - (many - 1) / rate) < 1e-6 * many + 1e-9 * now + 1e-6


def test_a_lower_rate_holds_at_once_and_a_debt_is_paid() -> None:
    bucket = Bucket(10, 10, 0.0, 10)
    bucket.change(0.5, 1, 0.0)
    bucket.take(0.0)
    bucket.take(0.0)
    assert bucket.wait(0.0) == 4
