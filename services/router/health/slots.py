"""Slots: what was told of a few seconds, of one partition, added up. Pure.

A slot knows which events it has counted, by four bytes of their ids (of ten thousand one more is taken for one of them
once in 400,000 times): whoever reads records again, or reads a record that was published twice, counts nothing twice.
It is written as a whole or not at all.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.router.health.counts import Counts
from services.router.health.told import Told
from shared.addresses import domain_of

HORIZON = timedelta(hours=1)
"""What is told later than that after it happened counts no more."""
AHEAD = timedelta(minutes=1)
MOST_WAYS = 100
MOST_SENDERS = 2000
OTHERS = "others"
"""The rollup of what comes when a slot has all the ways that it may have: a transport's own sums stay whole."""

Pair = tuple[str, str]
"""A transport's id and a rollup."""
Sender = tuple[str, str, str]
"""A workspace's id, a sending domain, and the transport's id, which is empty where the mail took none."""
Counted = tuple[Told, Counts]
"""An event, and what it counts for."""
SlotKey = tuple[int, datetime]
"""A partition of `mail.events`, and when the slot begins."""


@dataclass(slots=True)
class Way:
    """What was counted of a transport towards a rollup; `kind` is the transport's."""

    kind: str
    counts: Counts = field(default_factory=Counter)


@dataclass(slots=True)
class Slot:
    """`version` is 0 where it has not been written yet."""

    key: SlotKey
    version: int = 0
    seen: set[int] = field(default_factory=set)
    ways: dict[Pair, Way] = field(default_factory=dict)
    senders: dict[Sender, Counts] = field(default_factory=dict)

    def add_all(self, events: Iterable[Counted]) -> bool:
        """Counts events; False where all of them were counted before."""
        return sum(self.add(told, counts) for told, counts in events) > 0

    def add(self, told: Told, counts: Counts) -> bool:
        """Counts an event; False where it was counted before."""
        mark = int(told.event_id[:8], 16)
        if mark in self.seen:
            return False
        self.seen.add(mark)
        route = told.data.route if counts["attempts"] else None
        if route is not None:
            pair = (route.transport, route.rollup)
            if pair not in self.ways and len(self.ways) >= MOST_WAYS:
                pair = (route.transport, OTHERS)
            self.ways.setdefault(pair, Way(route.kind)).counts.update(counts)
        sender = (told.workspace_id, domain_of(told.sender), route.transport if route else "")
        if sender in self.senders or len(self.senders) < MOST_SENDERS:
            self.senders.setdefault(sender, Counter()).update(counts)
        return True

    def packed(self) -> bytes:
        """The marks of what it has counted."""
        return array("I", sorted(self.seen)).tobytes()

    @staticmethod
    def unpacked(marks: bytes) -> set[int]:
        found = array("I")
        found.frombytes(marks)
        return set(found)


@dataclass(frozen=True, slots=True)
class Span:
    """What was counted by way in one slot."""

    at: datetime
    ways: dict[Pair, Way]


def start_of(moment: datetime, width: timedelta) -> datetime:
    """When the slot of a moment begins."""
    seconds = width.total_seconds()
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


def is_in_time(moment: datetime, now: datetime) -> bool:
    return now - HORIZON <= moment <= now + AHEAD


def summed(
    spans: Iterable[Span], since: datetime | None = None, transport: str | None = None, rollup: str | None = None
) -> dict[Pair, Way]:
    """The sums by transport and rollup, of the spans that begin at `since` or later; of all, or of what is named."""
    sums: dict[Pair, Way] = {}
    for span in spans:
        if since is None or span.at >= since:
            found = span.ways
            if transport is not None:
                wanted = [pair for pair in found if pair[0] == transport] if rollup is None else [(transport, rollup)]
                found = {pair: found[pair] for pair in wanted if pair in found}
            for pair, way in found.items():
                sums.setdefault(pair, Way(way.kind)).counts.update(way.counts)
    return sums
