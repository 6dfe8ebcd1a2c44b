"""Token buckets on a clock of their own: never more than they hold, and a wait that is told is long enough."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.limits import MOST_BUCKETS, Buckets, Policy, Share

QUOTAS = st.integers(1, 1_000_000)
WINDOWS = st.integers(1, 86_400)
REPLICAS = st.integers(1, 20)
PAUSES = st.lists(st.floats(0, 100), min_size=1, max_size=60)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(QUOTAS, WINDOWS, REPLICAS, PAUSES)
def test_no_more_go_through_than_the_bucket_holds_and_what_runs_in_meanwhile(
    quota: int, window: int, replicas: int, pauses: list[float]
) -> None:
    clock = Clock()
    buckets = Buckets(clock)
    share_of_it = Share(Policy("key", quota, window), replicas)
    passed: list[float] = []
    for pause in pauses:
        clock.now += pause
        for _ in range(3):
            if not buckets.take(("k", share_of_it)).violated:
                passed.append(clock.now)
    share = quota / replicas
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            within = max(1.0, share) + (passed[last] - passed[first]) * share / window
            assert last - first + 1 <= within + 1e-6


@given(QUOTAS, WINDOWS, REPLICAS, st.integers(0, 200), st.floats(0, 10))
def test_who_waits_as_long_as_told_is_let_through(
    quota: int, window: int, replicas: int, before: int, pause: float
) -> None:
    clock = Clock()
    buckets = Buckets(clock)
    asked = ("k", Share(Policy("key", quota, window), replicas))
    for _ in range(before):
        buckets.take(asked)
    clock.now += pause
    decision = buckets.take(asked)
    assert decision.retry_after >= decision.tightest.reset or not decision.violated  # Retry-After is not before `t`
    clock.now += decision.retry_after if decision.violated else decision.tightest.reset
    after = buckets.take(asked)
    assert not after.violated
    if decision.tightest.remaining:
        assert after.tightest.remaining == Buckets(clock).take(asked).tightest.remaining


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 120))
def test_a_request_takes_from_all_buckets_or_none(key: int, workspace: int, times: int) -> None:
    buckets = Buckets(Clock())
    asked = ("k", Share(Policy("key", key))), ("w", Share(Policy("workspace", workspace)))
    passed = sum(not buckets.take(*asked).violated for _ in range(times))
    assert passed == min(key, workspace, times)
    decision = buckets.take(("k", Share(Policy("key", key))))
    assert bool(decision.violated) == (passed == key)


def test_each_process_has_its_share_and_tells_of_the_whole() -> None:
    clock = Clock()
    processes = [Buckets(clock) for _ in range(4)]
    asked = ("k", Share(Policy("key", 100, 60), 4))
    assert processes[0].take(asked).tightest.remaining == 96
    assert sum(not process.take(asked).violated for process in processes for _ in range(100)) == 99
    # a limit below the number of processes still lets one request through
    assert not Buckets(clock).take(("k", Share(Policy("key", 2), 4))).violated


def test_a_changed_limit_holds_at_once() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    buckets.take(("k", Share(Policy("key", 1000))))
    assert buckets.take(("k", Share(Policy("key", 10)))).tightest.remaining == 9


def test_the_fields_are_structured_fields() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    policies = Policy("key", 100), Policy("workspace", 1, 3600)
    asked = ("k", Share(policies[0])), ("w", Share(policies[1]))
    decision = buckets.take(*asked)
    assert [policy.field for policy in policies] == ['"key";q=100;w=60', '"workspace";q=1;w=3600']
    assert [standing.field for standing in decision.standings] == ['"key";r=99;t=1', '"workspace";r=0;t=3600']
    refused = buckets.take(*asked)
    assert refused.violated == ("workspace",)
    assert refused.standings == decision.standings
    assert refused.retry_after == 3600


def test_full_buckets_are_forgotten() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    policy = Share(Policy("key", 60))
    for number in range(MOST_BUCKETS):
        buckets.take((str(number), policy))
    clock.now += 2
    buckets.take(("one more", policy))
    assert len(buckets._buckets) == 1
    assert buckets.take(("0", policy)).tightest.remaining == 59
