"""How an endpoint does, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.console.standing import DOWN, Recent, is_in_trouble, recent_of, standing_of
from services.webhooks.console.standings import Backlog, Row
from services.webhooks.console.summary import MOST_NAMED, summary_of
from services.webhooks.failing import Failing
from services.webhooks.store.troubles import Trouble

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE = timedelta(days=5)
HOUR_AGO, SOON = NOW - timedelta(hours=1), NOW + timedelta(minutes=5)
ENABLED = {"enabled": True, "disabled_reason": None}


def an_attempt(ok: bool, ms: int = 10, error: str = "timeout") -> dict[str, Any]:
    return {"ok": ok, "ms": ms, "status": 200 if ok else None, "error": None if ok else error, "occurred_at": NOW}


def of(view: dict[str, Any], trouble: Trouble | None = None, *oks: bool) -> Any:
    return standing_of(view, trouble, recent_of([an_attempt(ok) for ok in oks]), PATIENCE, NOW)


@pytest.mark.parametrize(
    ("standing", "state", "tone", "words"),
    [
        (of(ENABLED), "enabled", "calm", "the moment it occurs"),
        (of(ENABLED, None, True, True), "enabled", "good", "gets through"),
        (of(ENABLED, None, True, False), "enabled", "warn", "1 of the last 2 were not taken"),
        (of(ENABLED, Trouble(held_until=SOON), True), "throttled", "warn", "left alone"),
        (of(ENABLED, Trouble(held_until=HOUR_AGO), True), "enabled", "good", "gets through"),
        (of(ENABLED, Trouble(Failing(HOUR_AGO, 1)), False), "failing", "warn", "did not answer in time"),
        (of(ENABLED, Trouble(Failing(HOUR_AGO, 1)), *[False] * DOWN), "failing", "bad", "did not answer in time"),
        (of(ENABLED, Trouble(Failing(HOUR_AGO, 3, HOUR_AGO)), False), "failing", "bad", "did not answer in time"),
        (of({"enabled": False, "disabled_reason": None}), "disabled", "mute", "Somebody of this workspace"),
        (of({"enabled": False, "disabled_reason": "gone"}), "disabled", "bad", "410 Gone"),
        (of({"enabled": False, "disabled_reason": "failing"}), "disabled", "bad", "canceled"),
    ],
)
def test_each_state_is_told(standing: Any, state: str, tone: str, words: str) -> None:
    assert (standing.state, standing.tone) == (state, tone)
    assert words in standing.why


def test_one_whose_clock_runs_says_when_it_ends() -> None:
    assert of(ENABLED, Trouble(Failing(HOUR_AGO, 3, HOUR_AGO)), False).deadline == HOUR_AGO + PATIENCE
    assert of(ENABLED, Trouble(Failing(HOUR_AGO, 1)), False).deadline is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30_000)), min_size=1, max_size=120))
def test_what_came_of_the_newest_attempts(attempts: list[tuple[bool, int]]) -> None:
    recent = recent_of([an_attempt(ok, ms) for ok, ms in attempts])
    times = [ms for _, ms in attempts]
    assert recent.half_ms is not None
    assert recent.most_ms is not None
    assert 2 * sum(ms <= recent.half_ms for ms in times) >= len(times)
    assert 10 * sum(ms <= recent.most_ms for ms in times) >= 9 * len(times)
    assert recent.taken == sum(ok for ok, _ in attempts)
    assert (recent.failed_in_a_row == 0) == attempts[0][0]
    assert not any(ok for ok, _ in attempts[: recent.failed_in_a_row])


def a_row(standing: Any) -> Row:
    return Row({"id": "e"}, standing, Recent(), Backlog(0, None, 0))


def test_a_summary_counts_each_endpoint_once_and_names_the_worst() -> None:
    bad = of({"enabled": False, "disabled_reason": "gone"})
    warn = of(ENABLED, Trouble(held_until=SOON), True)
    off = of({"enabled": False, "disabled_reason": None})
    summary = summary_of(6, [a_row(each) for each in (warn, off, bad, warn, warn)], more=False)
    assert (summary.well, summary.failing, summary.disabled) == (1, 3, 2)
    assert [row.standing for row in summary.named] == [bad, warn, warn][:MOST_NAMED]
    assert (summary.unnamed, summary.tone) == (1, "bad")
    assert summary_of(2, [a_row(off)], more=False).tone == "good"


def test_one_that_was_lifted_is_in_no_trouble() -> None:
    assert not is_in_trouble(Trouble(lifted_at=NOW), NOW)
    assert not is_in_trouble(Trouble(held_until=HOUR_AGO), NOW)
    assert is_in_trouble(Trouble(held_until=SOON), NOW)
    assert is_in_trouble(Trouble(Failing(HOUR_AGO, 1)), NOW)
