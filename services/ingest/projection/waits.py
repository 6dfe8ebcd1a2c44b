"""How long messages wait for the start of their first attempt, as a histogram. Pure.

An event tells of an attempt when that has ended; its timings are how long the steps of the conversation took, one
behind the other, so that it began so much earlier. What came before (a look-up, a signature) belongs to the wait.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.contracts.events import Event, EventType

BOUNDS_MS = (100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000)
BEYOND = "beyond"
NAMES = (*map(str, BOUNDS_MS), BEYOND)
TARGET_MS, TARGET_SHARE = 5_000, 0.99
"""The critical lane's: so many of its messages are begun with in this time."""
ATTEMPTED = frozenset(
    {
        EventType.DELIVERED,
        EventType.RELAYED,
        EventType.DEFERRED,
        EventType.BOUNCED,
        EventType.FAILED,
        EventType.AMBIGUOUS,
    }
)
UNTRIED = "route_down"
"""The class of a deferral whose smart host could not be used: it has not tried the message, and burns no attempt."""


def first_wait(event: Event) -> timedelta | None:
    """How long a message had waited when its first attempt began, from its acceptance or from when it was due.

    None where the event tells of no first attempt, or of one that came to no conversation: its beginning is not known.
    """
    timings = event.data.get("timings")
    if event.type not in ATTEMPTED or event.attempt != 1 or not timings or event.data.get("class") == UNTRIED:
        return None
    began = event.occurred_at - timedelta(milliseconds=sum(timings.values()))
    return max(timedelta(0), began - (event.scheduled_at or event.accepted_at))


def counter_of_wait(wait: timedelta) -> str:
    """The one of NAMES that counts it: by the bound (in milliseconds) that it does not go beyond."""
    return NAMES[bisect_left(BOUNDS_MS, wait / timedelta(milliseconds=1))]


@dataclass(frozen=True, slots=True)
class Waits:
    """How many messages waited how long: counts by NAMES."""

    counts: Mapping[str, int]

    @property
    def attempted(self) -> int:
        """Of how many messages the first attempt is known."""
        return sum(self.counts.values())

    @property
    def in_time(self) -> int:
        """How many of them were begun with within TARGET_MS."""
        return sum(self.counts.get(str(bound), 0) for bound in BOUNDS_MS if bound <= TARGET_MS)

    @property
    def share(self) -> float | None:
        """The share that was begun with in time; None where nothing was attempted."""
        return self.in_time / self.attempted if self.attempted else None

    def seconds_at(self, quantile: float) -> float | None:
        """The wait that a share (0 < quantile <= 1) of the messages did not exceed, in seconds; the last bound where
        that is or more.

        Within two bounds the waits are taken to be spread evenly, so that it is as exact as they are close.
        """
        rank, below, lower = quantile * self.attempted, 0, 0
        for bound in BOUNDS_MS:
            here = self.counts.get(str(bound), 0)
            if here and below + here >= rank:
                return (lower + (bound - lower) * (rank - below) / here) / 1000
            below, lower = below + here, bound
        return lower / 1000 if self.attempted else None
