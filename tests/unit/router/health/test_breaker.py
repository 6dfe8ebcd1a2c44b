"""Circuit breakers: whatever happens, only the changes that are allowed, when they are allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.health.breaker import (
    FORGOTTEN,
    OPERATOR,
    Breaker,
    Policy,
    Tally,
    in_words,
    judge,
    tripped,
)
from services.router.health.standing import State
from tests.unit.router.health.events import NOW

POLICY = Policy()
KEY = ("relay", None)
ALLOWED = {
    (State.CLOSED, State.OPEN),
    (State.OPEN, State.HALF_OPEN),
    (State.HALF_OPEN, State.OPEN),
    (State.HALF_OPEN, State.CLOSED),
}
BAD, GOOD = Tally(10, 10), Tally(10, 0)


@st.composite
def tally(draw: st.DrawFn) -> Tally:
    attempts = draw(st.integers(0, 40))
    troubled = draw(st.integers(0, attempts))
    return Tally(attempts, troubled, draw(st.integers(0, attempts - troubled)))


policies = st.builds(
    Policy,
    least=st.integers(1, 30),
    share=st.floats(0.05, 1),
    first=st.just(timedelta(seconds=60)) | st.just(timedelta(seconds=1)),
    longest=st.sampled_from([timedelta(minutes=1), timedelta(minutes=30)]),
    successes=st.integers(1, 5),
)
steps = st.lists(st.tuples(st.integers(0, 4000), tally()), max_size=40)


@given(policies, steps)
def test_whatever_is_counted_only_what_is_allowed_happens_and_for_a_reason(
    policy: Policy, said: list[tuple[int, Tally]]
) -> None:
    breaker, now = Breaker(KEY), NOW
    for seconds, counted in said:
        now += timedelta(seconds=seconds)
        before, breaker = breaker, judge(breaker, counted, now, policy)
        if breaker is before:
            continue
        assert (before.state, breaker.state) in ALLOWED
        assert breaker.since == now
        if breaker.state is State.OPEN:
            assert counted.troubled >= policy.share * counted.attempts > 0
            assert before.state is State.HALF_OPEN or counted.attempts >= policy.least
            assert breaker.openings == before.openings + 1
            assert breaker.until is not None
            assert timedelta(0) < breaker.until - now <= policy.longest
        elif breaker.state is State.HALF_OPEN:
            assert before.until is not None
            assert now >= before.until
        else:
            assert counted.fine >= policy.successes or now - (before.since or now) >= FORGOTTEN
            assert breaker.openings == 0


@given(policies, tally(), tally())
def test_an_open_one_always_tries_after_its_time_and_never_before(policy: Policy, first: Tally, then: Tally) -> None:
    opened = judge(Breaker(KEY), Tally(policy.least, policy.least), NOW, policy)
    assert opened.until is not None
    just_before = opened.until - timedelta(milliseconds=1)
    assert judge(opened, first, just_before, policy) is opened
    assert judge(opened, then, opened.until, policy).state is State.HALF_OPEN


@given(policies, tally())
def test_below_the_least_volume_it_never_opens(policy: Policy, counted: Tally) -> None:
    little = replace(counted, attempts=min(counted.attempts, policy.least - 1), troubled=0, unclear=0)
    little = replace(little, troubled=little.attempts)
    assert judge(Breaker(KEY), little, NOW, policy).state is State.CLOSED


@given(policies)
def test_waits_grow_up_to_the_longest(policy: Policy) -> None:
    waits = [policy.wait(openings) for openings in range(1, 60)]
    assert waits == sorted(waits)
    assert waits[0] == min(policy.first, policy.longest)
    assert waits[-1] == policy.longest


def test_a_failure_opens_it_longer_and_enough_successes_close_it() -> None:
    breaker = judge(Breaker(KEY), BAD, NOW, POLICY)
    for wait in (60, 120, 240):
        assert breaker.until == (breaker.since or NOW) + timedelta(seconds=wait)
        tried = judge(breaker, Tally(), breaker.until, POLICY)
        assert judge(tried, Tally(2, 0), breaker.until, POLICY) is tried
        assert judge(tried, Tally(3, 1), breaker.until, POLICY) is tried
        breaker = judge(tried, Tally(1, 1), breaker.until, POLICY)
        assert breaker.state is State.OPEN
    half = judge(breaker, Tally(), NOW + timedelta(hours=1), POLICY)
    again = judge(half, Tally(4, 1), NOW + timedelta(hours=1), POLICY)
    assert (again.state, again.openings, again.why) == (State.CLOSED, 0, None)


def test_attempts_that_say_nothing_neither_open_nor_close_it() -> None:
    half = judge(judge(Breaker(KEY), BAD, NOW, POLICY), Tally(), NOW + timedelta(hours=1), POLICY)
    assert judge(half, Tally(5, 0, unclear=5), NOW + timedelta(hours=1), POLICY) is half


def test_what_nobody_tries_for_a_day_is_closed() -> None:
    half = judge(judge(Breaker(KEY), BAD, NOW, POLICY), Tally(), NOW + timedelta(hours=1), POLICY)
    assert judge(half, Tally(), NOW + timedelta(hours=24), POLICY) is half
    assert judge(half, Tally(), NOW + timedelta(hours=25), POLICY).state is State.CLOSED


@pytest.mark.parametrize("until", [None, NOW + timedelta(hours=1)])
def test_the_operators_word_holds_until_its_time(until: object) -> None:
    moment = NOW + timedelta(hours=1)
    breaker = tripped(Breaker(KEY, version=3), NOW, None if until is None else moment, "the provider told us")
    assert (breaker.by, breaker.why, breaker.version) == (OPERATOR, "the provider told us", 3)
    assert judge(breaker, GOOD, moment - timedelta(seconds=1), POLICY) is breaker
    later = judge(breaker, GOOD, moment, POLICY)
    assert later.state is (State.OPEN if until is None else State.HALF_OPEN)


def test_what_opened_it_is_said_without_how_much_mail_there_was() -> None:
    assert in_words(Tally(1234, 617)) == "50% of its attempts failed for reasons of its own, or were blocked"
    assert in_words(Tally(9, 9, cut_off=("a", "b"))).startswith("2 destinations that it had reached before")
