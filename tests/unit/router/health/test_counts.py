"""What an event counts for, and what sums say."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.health.counts import BOUNDS_MS, BUCKETS, NAMES, counts_of, latency_ms, share
from shared.contracts.events import EventType
from tests.unit.router.health.events import an_event, failed, told

BLOCKED = {"class_": "block_reputation", "scope": "transport", "hard": False}
NOT_TRIED = {"stage": None, "route": None}


@pytest.mark.parametrize(
    ("type_", "data", "names"),
    [
        (EventType.DELIVERED, {}, {"attempts", "accepted", "ms_100"}),
        (EventType.RELAYED, {"timings": {"dot": 400_000}}, {"attempts", "accepted", "ms_more"}),
        (EventType.DELIVERED, {"timings": None}, {"attempts", "accepted", "ms_50"}),
        (EventType.DEFERRED, {}, {"attempts", "deferred"}),
        (EventType.DEFERRED, {"class_": "throttled", "scope": "message"}, {"attempts", "deferred", "throttled"}),
        (EventType.DEFERRED, {"class_": "throttled", "scope": "transport"},
         {"attempts", "deferred", "throttled", "own"}),
        (EventType.DEFERRED, BLOCKED, {"attempts", "deferred", "blocked"}),
        (EventType.BOUNCED, BLOCKED, {"attempts", "bounced", "blocked"}),
        (EventType.BOUNCED, {}, {"attempts", "bounced", "hard"}),
        (EventType.DEFERRED, {"stage": "connect", "class_": "connection"}, {"attempts", "deferred", "unreached"}),
        (EventType.DEFERRED, {"stage": "body", "class_": "connection"}, {"attempts", "deferred"}),
        (EventType.AMBIGUOUS, {"stage": "dot", "class_": "connection"}, {"attempts", "ambiguous"}),
        (EventType.FAILED, {"stage": "connect", "class_": "expired", "scope": "transport"},
         {"attempts", "failed", "own"}),
        # without an attempt: the domain does not exist, a bounce came back by mail, the life was over
        (EventType.BOUNCED, {"class_": "invalid_domain", "hard": True, **NOT_TRIED}, {"bounced", "hard"}),
        (EventType.BOUNCED, {"hard": False, "oob": True, **NOT_TRIED}, {"bounced"}),
        (EventType.DELIVERED, {"oob": True, **NOT_TRIED}, set()),
        (EventType.FAILED, {"class_": "expired", "stage": None}, set()),
        (EventType.COMPLAINED, {"feedback_type": "abuse", **NOT_TRIED}, {"complained"}),
        (EventType.QUEUED, {}, set()),
        (EventType.OPENED, NOT_TRIED, set()),
    ],
)  # fmt: skip
def test_what_an_event_counts_for(type_: EventType, data: dict[str, Any], names: set[str]) -> None:
    counts = counts_of(told(an_event(type_, **data)))
    assert counts == Counter(names)
    assert set(counts) <= set(NAMES)


@pytest.mark.parametrize(("tier", "counted"), [(0, 0), (1, 1), (2, 1)])
def test_an_attempt_by_a_later_tier_of_its_route_failed_over(tier: int, counted: int) -> None:
    others = [{"transport": "x", "name": "x", "score": 0.5, "tier": each, "lost": "why"} for each in range(tier)]
    taken = {"transport": "direct", "name": "Direct", "score": 1.0, "tier": tier}
    event = an_event(EventType.DELIVERED)
    event.data["route"]["candidates"] = [*others, taken]
    assert counts_of(told(event))["failed_over"] == counted


def test_a_smart_host_that_does_not_answer_failed_by_itself() -> None:
    assert set(counts_of(told(failed()))) == {"attempts", "deferred", "own"}


@given(st.lists(st.integers(0, BOUNDS_MS[-1]), min_size=1), st.floats(0.01, 1))
def test_a_latency_lies_within_the_bounds_of_the_one_that_it_stands_for(times: list[int], quantile: float) -> None:
    counts: Counter[str] = Counter()
    for ms in times:
        counts += counts_of(told(an_event(timings={"dot": ms})))
    found = latency_ms(counts, quantile)
    assert found is not None
    exact = sorted(times)[max(0, -(-round(quantile * len(times) * 1e9) // 10**9) - 1)]
    place = next(place for place, bound in enumerate(BOUNDS_MS) if exact <= bound)
    assert (0, *BOUNDS_MS)[place] <= found <= BOUNDS_MS[place]


def test_latencies_beyond_all_bounds_and_of_nothing() -> None:
    assert latency_ms({}, 0.5) is None
    assert latency_ms({BUCKETS[-1]: 3}, 0.5) == BOUNDS_MS[-1]
    assert latency_ms({BUCKETS[0]: 2, BUCKETS[1]: 2}, 0.75) == 75


def test_shares() -> None:
    assert share(1, 3) == 0.3333
    assert share(0, 0) is None
