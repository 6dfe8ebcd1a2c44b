"""How many records a lane's relay may publish now. Pure; no clock, no tasks.

What is in the topics has left the workspaces' shares: it goes in the order in which it came, one workspace's flood
before another's message. So no more is put there than keeps the pipeline busy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from services.ingest.projection.projector import EVENTS_CONSUMER, accepted_consumer
from shared.contracts.topics import EVENTS, Lane, accepted, cleared, due, routed
from shared.kafka.lag import Lag, Reader

LEAST = 100  # records
BUSY_SECONDS = 0.8  # more than the pipeline takes for a record where nothing waits: what is allowed can grow
RATE_SECONDS = 2.0  # of reading that make a rate; a stage commits some hundred records at a time


def downstream(lane: Lane) -> tuple[tuple[Reader, ...], ...]:
    """The paths that a lane's records take, the pipeline's first: unread along a path adds up.

    `mail.events` has no lanes: what a flood in the standard lane leaves there must not hold the critical one.
    """
    pipeline = (
        Reader(f"router.route.{lane}", accepted(lane)),
        Reader(f"router.route.{lane}", due(lane)),
        Reader(f"suppression.check.{lane}", routed(lane)),
        Reader(f"sender.deliver.{lane}", cleared(lane)),
    )
    acceptances = (Reader(f"ingest.{accepted_consumer(lane)}", accepted(lane)),)
    if lane is Lane.CRITICAL:
        return pipeline, acceptances
    return pipeline, acceptances, (Reader(f"ingest.{EVENTS_CONSUMER}", EVENTS),)


class Allowance:
    """What the end of the pipeline reads in BUSY_SECONDS, less what is unread; and never more than `most` unread,
    which also bounds what the read model has not heard of."""

    def __init__(self, lane: Lane, most: int) -> None:
        self.paths = downstream(lane)
        self._most = most
        self._busy = 0
        self._in_pipeline: int | None = None
        self._unread = 0
        self._since = 0
        self._read: deque[tuple[float, int]] = deque()

    @property
    def left(self) -> int:
        """Nothing before the first measurement; never less than 0."""
        if self._in_pipeline is None:
            return 0
        return max(0, min(self._busy - self._in_pipeline, self._most - self._unread) - self._since)

    @property
    def is_idle(self) -> bool:
        """Nothing was unread at the last measurement and nothing came since."""
        return self._in_pipeline == 0 and self._unread == 0 and self._since == 0

    def spend(self, records: int) -> None:
        self._since += records

    @property
    def spent(self) -> int:
        return self._since

    def measured(self, lags: Mapping[Reader, Lag], counted: int, moment: float) -> None:
        """Takes a measurement of this moment, in seconds; `counted` is what `spent` was before it began, which it has
        seen."""
        pipeline, *others = (sum(lags[reader].unread for reader in path) for path in self.paths)
        rate = self._rate(lags[self.paths[0][-1]].read, moment, starved=pipeline == 0)
        self._busy = min(self._most, max(LEAST, round(rate * BUSY_SECONDS)))
        self._in_pipeline, self._unread = pipeline, max(pipeline, *others)
        self._since -= counted

    def _rate(self, read: int, moment: float, *, starved: bool) -> float:
        """Records a second that the last reader has read lately; a time in which there was nothing does not count."""
        if starved and self._read and self._read[-1][1] == read:
            self._read.clear()
        self._read.append((moment, read))
        while self._read[0][0] < moment - RATE_SECONDS:
            self._read.popleft()
        (began, before), (ended, after) = self._read[0], self._read[-1]
        return (after - before) / (ended - began) if ended > began else 0.0
