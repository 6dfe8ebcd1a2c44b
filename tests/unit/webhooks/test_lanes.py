"""The breaker, and what a process holds."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.breaker import Breaker, BreakerPolicy
from services.webhooks.lanes import Lanes, Limits
from services.webhooks.pace import Pace
from services.webhooks.rules import Job
from tests.unit.webhooks.test_bodies import NOW

POLICY = BreakerPolicy(failures=3, first=30, longest=100)


def a_job(number: int, endpoint_id: str = "e") -> Job:
    return Job(f"{endpoint_id}:{number}", "w", endpoint_id, "m", "ev", "t", b"{}", NOW, NOW, token=f"t{number}")


def opened(policy: BreakerPolicy = POLICY) -> Breaker:
    breaker = Breaker(policy)
    for _ in range(policy.failures):
        breaker.begin()
        breaker.failed(0)
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(POLICY)
    for ok in (False, False, True, False, False):
        breaker.succeeded(0) if ok else breaker.failed(0)
        assert breaker.closed
    breaker.failed(0)
    assert not breaker.closed


def test_open_it_lets_one_probe_pass_at_a_time_and_waits_longer_each_time() -> None:
    breaker = opened()
    now, waits = 0.0, []
    for _ in range(4):
        waits.append(breaker.probe_at - now)
        assert not breaker.permits(breaker.probe_at - 0.1)
        now = breaker.probe_at
        assert breaker.permits(now)
        breaker.begin()
        assert not breaker.permits(now)
        breaker.failed(now)
    assert waits == [30, 60, 100, 100]


def test_a_probe_that_succeeds_closes_it_and_the_next_time_begins_anew() -> None:
    breaker = opened()
    breaker.begin()
    breaker.failed(30)
    breaker.begin()
    breaker.succeeded(60)
    assert breaker.untroubled
    for _ in range(3):
        breaker.failed(200)
    assert breaker.probe_at == 230


def test_a_pause_that_was_asked_for_is_kept_whatever_else_ends_meanwhile() -> None:
    breaker = Breaker(POLICY)
    breaker.begin()
    breaker.hold(100)
    breaker.succeeded(50)
    assert breaker.probe_at == 100
    breaker.hold(80)
    for _ in range(3):
        breaker.failed(60)
    assert (breaker.permits(99), breaker.permits(100)) == (False, True)
    breaker.begin()
    breaker.hold(200)
    breaker.failed(100)
    assert breaker.probe_at == 200
    breaker.begin()
    breaker.succeeded(200)
    assert breaker.untroubled


def test_stragglers_and_posts_that_were_not_made_do_not_count_as_probes() -> None:
    breaker = opened()
    breaker.failed(10)
    assert breaker.probe_at == 30
    breaker.begin()
    breaker.abandoned()
    assert breaker.permits(30)


def test_a_lane_runs_so_many_at_once_and_takes_the_next_when_one_ends() -> None:
    lanes = Lanes(Limits(2, 1000), 100, POLICY)
    for number in range(4):
        assert lanes.add(a_job(number), 0)
    running = list(lanes.starting("e", 0))
    assert [job.id for job in running] == ["e:0", "e:1"]
    assert lanes.room("e", 0) == 0
    assert lanes.ended(running[0], True, 0) == []
    assert [job.id for job in lanes.starting("e", 0)] == ["e:2"]


def test_when_the_breaker_opens_what_waits_is_given_back_and_later_jobs_refused() -> None:
    lanes = Lanes(Limits(1, 1000), 100, BreakerPolicy(failures=1, first=30, longest=30))
    for number in range(2):
        lanes.add(a_job(number), 0)
    [running] = lanes.starting("e", 0)
    assert [job.id for job in lanes.ended(running, False, 0)] == ["e:1"]
    assert lanes.room("e", 29) == 0
    assert not lanes.add(a_job(2), 29)
    assert lanes.not_fetching(29) == ["e"]
    assert lanes.room("e", 30) == 1
    assert lanes.add(a_job(3), 30)
    assert not lanes.add(a_job(4), 30)
    [probe] = lanes.starting("e", 30)
    assert lanes.ended(probe, True, 31) == []
    assert lanes.wants_more("e", 31)


def test_a_lane_that_is_held_gives_back_what_waits_and_begins_with_one() -> None:
    lanes = Lanes(Limits(1, 1000), 100, POLICY)
    for number in range(3):
        lanes.add(a_job(number), 0)
    [running] = lanes.starting("e", 0)
    assert [job.id for job in lanes.ended(running, False, 0, hold=60)] == ["e:1", "e:2"]
    assert (lanes.room("e", 59), lanes.room("e", 60)) == (0, 1)
    assert lanes.hold("f", 60) == []
    assert (lanes.room("f", 59), lanes.not_fetching(59)) == (0, ["e", "f"])


def test_an_endpoint_s_own_limits_hold_as_soon_as_they_are_known() -> None:
    lanes = Lanes(Limits(2, 1000), 100, POLICY)
    lanes.limit("e", Limits(3, 1000))
    assert (lanes.room("e", 0), lanes.room("f", 0), lanes.widest) == (6, 4, 3)
    for number in range(5):
        lanes.add(a_job(number), 0)
    assert len(list(lanes.starting("e", 0))) == 3
    lanes.limit("e", Limits(4, 1000))
    assert len(list(lanes.starting("e", 0))) == 1


def test_a_rate_lets_a_second_s_worth_begin_at_once_and_then_one_after_the_other() -> None:
    lanes = Lanes(Limits(50, 4), 100, POLICY)
    for number in range(7):
        lanes.add(a_job(number), 0)
    assert len(list(lanes.starting("e", 0))) == 4
    assert lanes.starts_in("e", 0) == pytest.approx(0.25)
    assert list(lanes.starting("e", 0.2)) == []
    assert len(list(lanes.starting("e", 0.5))) == 2
    assert len(list(lanes.starting("e", 1.0))) == 1
    assert lanes.starts_in("e", 1.0) is None


@given(st.floats(0.1, 200), st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_span_of_time_sees_more_begin_than_the_rate_allows(rate: float, waits: list[float]) -> None:
    pace, now, begun = Pace(rate), 1000.0, []
    for wait in waits:
        now += wait
        while pace.permits(now) and len(begun) < 500:
            pace.begin(now)
            begun.append(now)
        assert pace.next_at(now) > now or len(begun) == 500
    for first, began in enumerate(begun):
        for later in range(first, len(begun)):
            assert later - first + 1 <= max(1, rate) + rate * (begun[later] - began) + 1e-6 * len(begun)


def test_one_endpoint_leaves_half_of_what_is_free_to_others() -> None:
    lanes = Lanes(Limits(100, 1000), 100, POLICY)
    assert lanes.room("a", 0) == 50
    for number in range(50):
        lanes.add(a_job(number, "a"), 0)
    assert lanes.room("a", 0) == lanes.room("b", 0) == 25


def test_what_is_held_already_is_not_held_twice() -> None:
    lanes = Lanes(Limits(2, 1000), 10, POLICY)
    lanes.add(a_job(1), 0)
    lanes.add(a_job(1), 0)
    assert lanes.free == 9
    assert len(list(lanes.starting("e", 0))) == 1


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.sampled_from("ab"), st.integers(0, 30)),
            st.tuples(st.just("end"), st.sampled_from([True, False, None]), st.integers(0, 5)),
            st.tuples(st.just("wait"), st.just(0), st.integers(1, 40)),
        ),
        max_size=80,
    )
)
def test_the_bounds_hold_whatever_happens(steps: list[tuple]) -> None:
    lanes, running, now = Lanes(Limits(2, 1000), 8, POLICY), [], 0.0
    for what, which, number in steps:
        if what == "add" and lanes.free and lanes.room(which, now):
            lanes.add(a_job(number, which), now)
        elif what == "end" and running:
            lanes.ended(running.pop(number % len(running)), which, now)
        elif what == "wait":
            now += number
        for endpoint_id in "ab":
            running += lanes.starting(endpoint_id, now)
        counts = Counter(job.endpoint_id for job in running)
        assert all(count <= 2 for count in counts.values())
        assert len(running) <= 8
        assert {job.token for job in running} <= lanes.tokens()
        for endpoint_id in "ab":
            lane = lanes.lane(endpoint_id)
            # nothing waits in a lane that runs nothing: nobody would ever start it
            assert lane.running or not lane.waiting
    while running:
        lanes.ended(running.pop(), True, now)
        for endpoint_id in "ab":
            running += lanes.starting(endpoint_id, now)
    assert lanes.free == 8
    assert lanes.tokens() == set()


def test_who_was_left_alone_while_a_webhook_waited_is_told_apart() -> None:
    lanes = Lanes(Limits(1, 1000), 100, BreakerPolicy(failures=1, first=30, longest=30))
    for number in range(2):
        lanes.add(a_job(number), 0)
    [running] = lanes.starting("e", 0)
    assert not lanes.rested("e", waited=1000, now=0)
    lanes.ended(running, False, 0)
    assert lanes.rested("e", waited=0, now=1)
    assert not lanes.rested("f", waited=1000, now=1)
    lanes.add(a_job(3), 30)
    [probe] = lanes.starting("e", 30)
    lanes.lane("e").behind = True
    lanes.ended(probe, True, 31)
    assert lanes.rested("e", waited=10, now=40)
    assert not lanes.rested("e", waited=8, now=40)
