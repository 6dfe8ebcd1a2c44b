"""How much the relay may put into the topics: what keeps the pipeline busy, and no flood's whole length."""

from __future__ import annotations

from services.ingest.lag import LEAST, Allowance, Reader
from shared.contracts.topics import Lane

MOST = 20_000


def lags_of(allowance: Allowance, pipeline: int, others: int = 0) -> dict[Reader, int]:
    """The unread records at the first reader of the pipeline's path and of each other path."""
    lags = {reader: 0 for path in allowance.paths for reader in path}
    first, *rest = allowance.paths
    lags[first[0]] = pipeline
    for path in rest:
        lags[path[0]] = others
    return lags


def measured(allowance: Allowance, pipeline: int, others: int = 0, seconds: float = 0.5) -> None:
    allowance.measured(lags_of(allowance, pipeline, others), allowance.spent, seconds)


def test_nothing_is_allowed_before_the_first_measurement() -> None:
    allowance = Allowance(Lane.STANDARD, MOST)
    assert allowance.left == 0
    measured(allowance, 0)
    assert allowance.left == LEAST
    assert allowance.is_idle


def test_it_grows_with_what_the_pipeline_reads_and_falls_with_it() -> None:
    allowance = Allowance(Lane.STANDARD, MOST)
    measured(allowance, 0)
    grown = [allowance.left]
    for _ in range(4):
        allowance.spend(allowance.left)
        assert allowance.left == 0
        measured(allowance, 0)  # all of it was read in half a second
        grown.append(allowance.left)
    assert grown == sorted(grown)
    assert grown[-1] > 4 * LEAST
    allowance.spend(1000)
    measured(allowance, 900)  # a hundred in half a second
    assert allowance.left == 0


def test_what_a_slow_pipeline_has_not_read_is_bounded_by_seconds_not_by_the_most() -> None:
    allowance = Allowance(Lane.STANDARD, MOST)
    measured(allowance, 0)
    in_topics, per_second = 0, 1000
    for _ in range(40):
        in_topics += allowance.left
        allowance.spend(allowance.left)
        in_topics = max(0, in_topics - per_second // 2)
        measured(allowance, in_topics)
    assert in_topics + allowance.left <= 2 * per_second


def test_a_read_model_that_is_behind_stops_the_relay_at_the_most() -> None:
    allowance = Allowance(Lane.STANDARD, 1000)
    measured(allowance, 0, others=990)
    assert allowance.left == 10
    measured(allowance, 0, others=1500)
    assert allowance.left == 0
    assert not allowance.is_idle


def test_what_was_spent_while_it_was_measured_counts_on() -> None:
    allowance = Allowance(Lane.STANDARD, MOST)
    measured(allowance, 0)
    allowance.spend(100)
    before = allowance.spent
    allowance.spend(50)  # after the measurement had begun
    allowance.measured(lags_of(allowance, 0), before, 0.5)
    assert allowance.left == LEAST - 50
