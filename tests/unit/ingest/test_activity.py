"""Activity is counted once for each record, however batches fall, come again, or are two owners' at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.projection.activity import (
    SLOT,
    Addition,
    Counted,
    Happening,
    of_acceptance,
    of_event,
    of_post,
    slot_of,
    source_of,
    tallies,
)
from shared.contracts.events import EventType, event_of
from shared.contracts.topics import Lane, Stream
from tests.unit.ingest.lives import BEGAN, make_message, outcome, webhook

SOURCES = ("events:0", "events:1", "accepted:0")
Key = tuple[str, datetime]


@dataclass
class Ledger:
    """Slots as MongoDB keeps them: an addition is taken as a whole where the slot stands as it was read."""

    offsets: dict[Key, dict[str, int]] = field(default_factory=dict)
    counts: Counter[tuple[Key, str]] = field(default_factory=Counter)

    def read(self, batch: list[Counted]) -> list[tuple[Key, Addition]]:
        keyed = [((each.workspace_id, each.begins_at), each) for each in tallies(batch)]
        return [(key, each.beyond(dict(self.offsets.get(key, {})))) for key, each in keyed]

    def write(self, additions: list[tuple[Key, Addition]]) -> bool:
        """False where any of them was lost to somebody else; the others are taken."""
        taken = [self._take(key, addition) for key, addition in additions]
        return all(taken)

    def add(self, batch: list[Counted]) -> None:
        while not self.write(self.read(batch)):
            pass

    def _take(self, key: Key, addition: Addition) -> bool:
        stands = self.offsets.setdefault(key, {})
        if any(stands.get(source) != before for source, (before, _) in addition.offsets.items()):
            return False
        stands.update({source: after for source, (_, after) in addition.offsets.items()})
        self.counts.update({(key, name): count for name, count in addition.counters.items()})
        return True


@st.composite
def logs(draw: st.DrawFn) -> list[list[Counted]]:
    """Partitions, each with its records in the order of their offsets."""

    def happening() -> Happening:
        at = BEGAN + timedelta(seconds=draw(st.integers(0, 900)))
        names = draw(st.lists(st.sampled_from(["delivered", "bounced", "wait"]), min_size=1, max_size=2, unique=True))
        return Happening(draw(st.sampled_from(["w1", "w2"])), at, tuple(names))

    sizes = [draw(st.integers(0, 12)) for _ in SOURCES]
    return [
        [Counted(source, offset, happening()) for offset in range(size)]
        for source, size in zip(SOURCES, sizes, strict=True)
    ]


@st.composite
def reads(draw: st.DrawFn, log: list[list[Counted]]) -> list[list[Counted]]:
    """Batches of one owner: each partition in its order, set back to an earlier offset now and then."""
    places = [0] * len(log)
    batches = []
    for _ in range(draw(st.integers(0, 8))):
        batch = []
        for number, records in enumerate(log):
            begin = draw(st.integers(0, places[number]))
            places[number] = draw(st.integers(begin, len(records)))
            batch += records[begin : places[number]]
        batches.append(batch)
    return [*batches, [each for number, records in enumerate(log) for each in records[places[number] :]]]


def expected(log: list[list[Counted]]) -> Counter[tuple[Key, str]]:
    return Counter(
        ((each.happening.workspace_id, slot_of(each.happening.at)), name)
        for records in log
        for each in records
        for name in each.happening.counters
    )


@given(st.data())
def test_batches_cut_anywhere_and_read_again_count_each_record_once(data: st.DataObject) -> None:
    log = data.draw(logs())
    ledger = Ledger()
    for batch in data.draw(reads(log)):
        ledger.add(batch)
    assert ledger.counts == expected(log)


@given(st.data())
def test_two_owners_at_once_count_each_record_once(data: st.DataObject) -> None:
    """Each has read where the slots stand before the other writes, in any order; who loses reads again."""
    log = data.draw(logs())
    ledger = Ledger()
    waiting = [data.draw(reads(log)) for _ in range(2)]
    begun: list[list[tuple[Key, Addition]] | None] = [None, None]
    while any(waiting):
        owner = data.draw(st.sampled_from([number for number in range(2) if waiting[number]]))
        additions = begun[owner]
        if additions is None:
            begun[owner] = ledger.read(waiting[owner][0])
        else:
            begun[owner] = None
            if ledger.write(additions):
                waiting[owner].pop(0)
    assert ledger.counts == expected(log)


def test_a_slot_begins_at_a_multiple_of_its_length() -> None:
    moment = datetime(2026, 5, 1, 12, 9, 59, 999_999, UTC)
    assert slot_of(moment) == datetime(2026, 5, 1, 12, 5, tzinfo=UTC)
    assert slot_of(slot_of(moment)) == slot_of(moment) == slot_of(moment + timedelta(microseconds=1)) - SLOT


def test_a_source_is_a_name_in_a_document() -> None:
    assert source_of("t1_mail.events", 3) == "t1_mail_events:3"


def test_an_acceptance_counts_at_its_time_and_once_for_scheduled_mail() -> None:
    message = make_message(stream=Stream.SECURITY, lane=Lane.CRITICAL)
    assert of_acceptance(message) == Happening("workspace-1", BEGAN, ("counts.critical.accepted",))
    assert of_acceptance(make_message(scheduled_at=BEGAN + timedelta(hours=1))) is None
    told = event_of(make_message(scheduled_at=BEGAN + timedelta(hours=1)), EventType.ACCEPTED, BEGAN)
    assert of_event(told) == Happening("workspace-1", BEGAN, ("counts.standard.accepted",))


@pytest.mark.parametrize("type_", EventType)
def test_every_event_counts_by_its_type_in_the_lane_of_its_stream(type_: EventType) -> None:
    moved = make_message(lane=Lane.CRITICAL, stream=Stream.PRODUCT)
    assert of_event(event_of(moved, type_, BEGAN)).counters == (f"counts.standard.{type_}",)


def test_an_outcome_of_the_first_attempt_counts_its_wait_too() -> None:
    message = make_message(attempt=1)
    event = event_of(message, EventType.DELIVERED, BEGAN + timedelta(seconds=3), outcome(message, BEGAN))
    assert of_event(event).counters == ("counts.standard.delivered", "waits.standard.5000")


def test_posts_count_by_whether_they_were_heard() -> None:
    assert [of_post(webhook("m", number)).counters for number in (1, 2)] == [
        ("counts.webhooks.failed",), ("counts.webhooks.ok",),
    ]  # fmt: skip
