"""How much the relay may put into the topics: what keeps the pipeline busy, and no flood's whole length."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.ingest.publication.allowance import BUSY_SECONDS, LEAST, Allowance
from shared.contracts.topics import Lane
from shared.kafka.lag import Lag

MOST = 20_000
STEP = 0.25  # seconds between two measurements


@dataclass
class Pipeline:
    """What an allowance measures: `unread` records that wait for the last reader, and what it has read."""

    allowance: Allowance = field(default_factory=lambda: Allowance(Lane.STANDARD, MOST))
    unread: int = 0
    read: int = 1_000_000
    others: int = 0
    now: float = 500.0

    def measure(self, after: float = STEP) -> int:
        """Takes a measurement; returns what is allowed then."""
        self.now += after
        first, *rest = self.allowance.paths
        lags = {reader: Lag(0, 0) for path in self.allowance.paths for reader in path}
        lags[first[-1]] = Lag(self.unread, self.read)
        lags |= {path[0]: Lag(self.others, 0) for path in rest}
        self.allowance.measured(lags, self.allowance.spent, self.now)
        return self.allowance.left

    def publish(self) -> int:
        """Publishes all that is allowed."""
        published = self.allowance.left
        self.allowance.spend(published)
        self.unread += published
        return published

    def take(self, records: int) -> None:
        taken = min(records, self.unread)
        self.unread -= taken
        self.read += taken


def test_nothing_is_allowed_before_the_first_measurement() -> None:
    pipeline = Pipeline()
    assert pipeline.allowance.left == 0
    assert pipeline.measure() == LEAST
    assert pipeline.allowance.is_idle


def test_it_grows_to_what_a_quick_pipeline_reads_and_falls_with_it() -> None:
    pipeline = Pipeline()
    pipeline.measure()
    for _ in range(80):
        pipeline.publish()
        pipeline.take(500)  # 2000 a second
        pipeline.measure()
    assert pipeline.publish() + pipeline.unread >= 0.9 * 2000 * BUSY_SECONDS
    for _ in range(80):
        pipeline.take(25)
        pipeline.measure()
        pipeline.publish()
    assert pipeline.unread <= 2 * max(LEAST, 100 * BUSY_SECONDS)


def test_a_time_in_which_there_was_nothing_to_read_does_not_slow_what_comes_after_it() -> None:
    busy, idle = Pipeline(), Pipeline()
    for _ in range(20):
        idle.measure(after=2.5)
    for pipeline in (busy, idle):
        pipeline.measure()
        for _ in range(6):
            pipeline.publish()
            pipeline.take(400)
            pipeline.measure()
    assert idle.allowance.left == busy.allowance.left > LEAST


def test_a_reader_that_commits_in_large_batches_is_not_taken_for_a_quick_one() -> None:
    pipeline = Pipeline()
    pipeline.measure()
    unread = []
    for look in range(400):
        pipeline.publish()
        unread.append(pipeline.unread)
        if look % 3 == 0:  # 133 a second, a hundred at a time
            pipeline.take(100)
        pipeline.measure()
    assert max(unread[40:]) <= 150 * BUSY_SECONDS  # what its first look was taken for is read by then


def test_a_read_model_that_is_behind_stops_the_relay_at_the_most() -> None:
    pipeline = Pipeline(Allowance(Lane.STANDARD, 1000), others=990)
    assert pipeline.measure() == 10
    pipeline.others = 1500
    assert pipeline.measure() == 0
    assert not pipeline.allowance.is_idle


def test_what_was_spent_while_it_was_measured_counts_on() -> None:
    pipeline = Pipeline()
    pipeline.measure()
    pipeline.allowance.spend(80)
    before = pipeline.allowance.spent
    pipeline.allowance.spend(50)  # after the measurement had begun
    lags = {reader: Lag(0, 80) for path in pipeline.allowance.paths for reader in path}
    pipeline.allowance.measured(lags, before, pipeline.now + STEP)
    assert pipeline.allowance.left == LEAST - 50


def test_a_topic_that_was_made_again_has_read_nothing_yet() -> None:
    pipeline = Pipeline()
    pipeline.measure()
    pipeline.read = 0
    assert pipeline.measure() == LEAST
