"""What was counted over time, as charts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from services.router.console.series import (
    DAY,
    HOUR,
    WEEK,
    by_rollup,
    by_transport,
    domain_charts,
    merged,
    transport_charts,
    whole,
)
from services.router.health.slots import Span, Way
from services.router.health.store.sent import Sent

NOW = datetime(2026, 11, 22, 12, 30, 40, tzinfo=UTC)
MINUTE = NOW.replace(second=0)


def test_a_range_ends_with_the_step_of_now() -> None:
    for over, steps, last in ((HOUR, 60, MINUTE), (DAY, 24, NOW.replace(minute=0, second=0)),
                              (WEEK, 28, NOW.replace(minute=0, second=0))):  # fmt: skip
        moments = over.moments(NOW)
        assert (len(moments), moments[-1]) == (steps, last)


def test_counts_are_told_apart_by_transport_and_by_rollup() -> None:
    sent = [Sent(MINUTE, "a", Counter(attempts=1)), Sent(MINUTE, "b", Counter(attempts=2))]
    assert whole(by_transport(sent)["b"]) == Counter(attempts=2)
    spans = [
        Span(MINUTE + timedelta(seconds=seconds), {("a", "google"): Way("direct", Counter(attempts=1))})
        for seconds in (0, 10)
    ]
    assert by_rollup(spans, HOUR.step) == {"google": {MINUTE: Counter(attempts=2)}}
    assert merged([{MINUTE: Counter(attempts=1)}, {MINUTE: Counter(attempts=2)}]) == {MINUTE: Counter(attempts=3)}


def test_a_transports_charts_have_a_gap_where_nothing_was_tried() -> None:
    attempts, refused, latency = transport_charts(
        {MINUTE: Counter(attempts=4, deferred=1, ms_100=3)}, HOUR, NOW
    )  # fmt: skip
    assert attempts.rows[-1] == (MINUTE, ["4"])
    assert attempts.rows[-2][1] == ["0"]
    assert (refused.rows[-1][1], refused.rows[-2][1]) == (["25 %", "0 %", "0 %"], ["–", "–", "–"])
    assert latency.rows[-2][1] == ["–", "–"]


def test_a_domains_complaints_stand_beside_what_makes_it_poor() -> None:
    hours = MINUTE.replace(minute=0)
    accepted, hard, complaints = domain_charts(
        {hours: Counter(attempts=1000, accepted=1000, hard=1, bounced=1, complained=2)}, WEEK, NOW, 0.001, 0.003
    )
    assert accepted.rows[-1][1] == ["1\N{THIN SPACE}000"]
    assert hard.rows[-1][1] == ["0.1 %"]
    assert complaints.rows[-1][1] == ["0.2 %"]
    assert complaints.limit_words == "poor above 0.3 %"
