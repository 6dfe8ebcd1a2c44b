"""One destination's order, over any arrivals and endings."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from services.sender.fair import Line
from shared.contracts.topics import Lane

WORKSPACES = ("w1", "w2", "w3")


@dataclass(frozen=True)
class Item:
    number: int
    lane: Lane
    workspace_id: str


ARRIVAL = st.tuples(st.sampled_from(list(Lane)), st.sampled_from(WORKSPACES))
STEPS = st.lists(st.one_of(ARRIVAL, st.integers(0, 30)), max_size=80)


def waiting_workspaces(line: Line[Item], lane: Lane) -> set[str]:
    return set(line.waiting[lane])


@given(slots=st.integers(1, 12), steps=STEPS)
def test_what_begins_keeps_to_the_slots_the_reserve_and_the_shares(
    slots: int, steps: list[tuple[Lane, str] | int]
) -> None:
    line: Line[Item] = Line(slots=slots)
    running: list[Item] = []
    for number, step in enumerate(steps):
        if isinstance(step, tuple):
            line.add(Item(number, *step))
        elif running:
            line.ended(running.pop(step % len(running)))
        while True:
            others = {lane: waiting_workspaces(line, lane) for lane in Lane}
            critical_waits = bool(others[Lane.CRITICAL])
            item = line.next()
            if item is None:
                break
            running.append(item)
            mine = sum(one.workspace_id == item.workspace_id for one in running)
            if others[item.lane] - {item.workspace_id}:
                assert mine <= -(-slots // 2)
            assert item.lane is Lane.CRITICAL or not critical_waits
        standard = [one for one in running if one.lane is Lane.STANDARD]
        assert len(running) == line.in_use <= slots
        assert len(standard) <= line.standard_slots
        # nothing is stuck while a slot is free that it may use
        assert not line.queued_of(Lane.CRITICAL) or len(running) == slots
        assert not line.queued_of(Lane.STANDARD) or len(running) == slots or len(standard) == line.standard_slots


@given(st.lists(ARRIVAL, max_size=60), st.integers(1, 6))
def test_everything_begins_once_and_each_workspace_in_its_own_order(
    arrivals: list[tuple[Lane, str]], slots: int
) -> None:
    line: Line[Item] = Line(slots=slots)
    items = [Item(number, *arrival) for number, arrival in enumerate(arrivals)]
    for item in items:
        line.add(item)
    begun: list[Item] = []
    while (item := line.next()) is not None:
        begun.append(item)
        line.ended(item)
    assert sorted(begun, key=lambda item: item.number) == items
    for lane in Lane:
        for workspace in WORKSPACES:
            own = [item.number for item in begun if (item.lane, item.workspace_id) == (lane, workspace)]
            assert own == sorted(own)


def test_workspaces_take_turns() -> None:
    line: Line[Item] = Line(slots=1)
    for number in range(6):
        line.add(Item(number, Lane.STANDARD, "busy"))
    line.add(Item(6, Lane.STANDARD, "small"))
    begun = []
    for _ in range(3):
        item = line.next()
        assert item is not None
        begun.append(item.workspace_id)
        line.ended(item)
    assert begun == ["busy", "small", "busy"]


def test_a_full_standard_lane_leaves_slots_to_the_critical_one() -> None:
    line: Line[Item] = Line(slots=10)
    for number in range(20):
        line.add(Item(number, Lane.STANDARD, "w1"))
    begun = [line.next() for _ in range(10)]
    assert sum(item is not None for item in begun) == 8
    line.add(Item(99, Lane.CRITICAL, "w1"))
    critical = line.next()
    assert critical is not None
    assert critical.lane is Lane.CRITICAL


def test_what_is_emptied_is_given_back_and_begins_no_more() -> None:
    line: Line[Item] = Line(slots=2)
    items = [Item(number, Lane.STANDARD, f"w{number % 3}") for number in range(5)]
    for item in items:
        line.add(item)
    assert sorted(line.empty(), key=lambda item: item.number) == items
    assert line.next() is None
