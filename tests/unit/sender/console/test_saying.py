"""A lane in words: what is worst is what is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.console.saying import said
from services.sender.queue.flow import STAGES, LaneFlow, behind_of
from shared.contracts.record import rfc3339

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
UP_TO_DATE = dict.fromkeys(STAGES, 0.0)


def flow(
    lane: str = "critical", waited: float | None = None, per_second: float = 1, behind: Any = UP_TO_DATE, **counts: int
) -> LaneFlow:
    states = ("waiting", "in_flight", "deferred", "held", "released")
    tallies = {state: {"count": counts.get(state, 0), "more": False, "next_at": None} for state in states}
    return LaneFlow(lane, tallies, waited, per_second, behind)


CASES = [
    (flow(), "good", "Password reset and OTP traffic drains normally", "Nothing waits in line."),
    (flow(waited=0.2, waiting=3), "good", "drains normally", "The first of 3 in line has waited 200 ms."),
    (flow(deferred=4), "good", "drains normally", "Nothing waits in line. 4 deferred until the next attempt."),
    (flow(deferred=4, per_second=0), "calm", "waits for its next attempt", "Nothing has left in the last minute."),
    (flow(waited=3, waiting=3), "warn", "is close to its limit", "It should be tried within 5 s."),
    (flow(waited=5.1, waiting=3), "bad", "waits too long", "The first of 3 in line has waited 5.1 s."),
    (flow(held=2), "warn", "is held in part", "2 held, until the hold is lifted or ends."),
    (flow(behind=None), "warn", "cannot be seen as a whole", "Kafka"),
    (flow(behind={**UP_TO_DATE, "router": 40.0}), "bad", "is held up before the queue", "Router: the next in line"),
    (flow("standard"), "good", "Billing and product mail drains normally", "Nothing waits in line."),
    (flow("standard", waited=29, waiting=9), "good", "drains normally", "29.0 s"),
    (flow("standard", waited=61, waiting=9), "warn", "waits too long", "It should be tried within 60 s."),
    (flow("standard", behind={**UP_TO_DATE, "sender": 70.0}), "warn", "is held up before the queue", "Intake"),
]


@pytest.mark.parametrize(("lane", "tone", "title", "why"), CASES, ids=lambda each: str(each)[:40])
def test_a_lane_says_how_it_flows(lane: LaneFlow, tone: str, title: str, why: str) -> None:
    saying = said(lane)
    assert saying.tone == tone
    assert title in saying.title
    assert why in saying.why


@given(
    st.builds(
        flow,
        lane=st.sampled_from(["critical", "standard"]),
        waited=st.none() | st.floats(0, 1e5),
        per_second=st.floats(0, 1e4),
        behind=st.none() | st.fixed_dictionaries({stage: st.floats(0, 1e5) for stage in STAGES}),
        waiting=st.integers(0, 9),
        deferred=st.integers(0, 9),
        held=st.integers(0, 9),
    )
)
def test_critical_mail_is_never_said_to_drain_while_it_is_late(lane: LaneFlow) -> None:
    saying = said(lane)
    late = max(lane.waited or 0, *(lane.behind or {"": 0}).values(), 0) > 5
    if lane.lane == "critical" and late:
        assert saying.tone == "bad"
    if saying.tone == "good":
        assert lane.behind is not None
        assert not lane.states["held"]["count"]


def test_figures_read_as_numbers_with_their_unit() -> None:
    assert [said(flow(per_second=rate)).drains for rate in (0, 0.05, 0.5, 1, 9.96, 250.4)] == [
        "0 / min", "3 / min", "30 / min", "1.0 / s", "10.0 / s", "250 / s",
    ]  # fmt: skip
    many = flow(waiting=1, in_flight=2, deferred=3, held=4, released=5)
    assert said(many).depth == "15"
    more = LaneFlow("critical", {**many.states, "deferred": {"count": 100, "more": True}}, None, 0, None)
    assert said(more).depth == "112+"
    assert said(more).waited == "–"


def test_each_stage_says_how_far_it_is_behind() -> None:
    stages = said(flow(behind={"router": 0.3, "suppression": 2.0, "sender": 9.0})).stages
    assert [(words, tone) for _, words, tone in stages] == [
        ("up to date", "good"), ("2.0 s behind", "calm"), ("9.0 s behind", "bad"),
    ]  # fmt: skip
    assert {(words, tone) for _, words, tone in said(flow(behind=None)).stages} == {("not known", "warn")}


def test_stages_are_read_by_lane_without_their_counts() -> None:
    seen: list[dict[str, Any]] = [
        {"lane": lane, "stage": stage, "count": 3, "more": False, "oldest_at": oldest}
        for lane, oldest in (("critical", None), ("standard", rfc3339(NOW - timedelta(seconds=7))))
        for stage in ("outbox", *STAGES)
    ]
    assert behind_of(seen, "critical", NOW) == UP_TO_DATE
    assert behind_of(seen, "standard", NOW) == dict.fromkeys(STAGES, 7.0)
    assert behind_of(None, "critical", NOW) is None
