"""One destination's order, over any arrivals and endings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from services.sender.fair import SLOTS_PER_FREE, Line
from shared.contracts.topics import Lane

WORKSPACES = ("w1", "w2", "w3")


@dataclass(frozen=True)
class Item:
    number: int
    lane: Lane
    workspace_id: str


ARRIVAL = st.tuples(st.sampled_from(list(Lane)), st.sampled_from(WORKSPACES))
STEPS = st.lists(st.one_of(ARRIVAL, st.integers(0, 30)), max_size=80)


def queued(line: Line[Item]) -> list[Item]:
    return [item for queues in line.waiting.values() for queue in queues.values() for item in queue]


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
            share = SLOTS_PER_FREE * (slots - len(running))
            own = Counter(one.workspace_id for one in running)
            critical_waits = any(own[each] < share for each in waiting_workspaces(line, Lane.CRITICAL))
            item = line.next()
            if item is None:
                break
            running.append(item)
            mine = sum(one.workspace_id == item.workspace_id for one in running)
            assert mine <= SLOTS_PER_FREE * (1 + slots - len(running))
            assert item.lane is Lane.CRITICAL or not critical_waits
        standard = [one for one in running if one.lane is Lane.STANDARD]
        assert len(running) == line.in_use <= slots
        assert len(standard) <= line.standard_slots
        assert line.held == Counter((one.lane, one.workspace_id) for one in [*running, *queued(line)])
        # nothing is stuck while a slot is free that it may use
        for lane, limit in ((Lane.CRITICAL, slots), (Lane.STANDARD, line.standard_slots)):
            used = len(running) if lane is Lane.CRITICAL else len(standard)
            free = min(limit - used, slots - len(running))
            own = Counter(one.workspace_id for one in running)
            assert free == 0 or all(own[each] >= SLOTS_PER_FREE * free for each in line.waiting[lane])


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
    assert sum(item is not None for item in begun) == 7
    line.add(Item(99, Lane.CRITICAL, "w1"))
    critical = line.next()
    assert critical is not None
    assert critical.lane is Lane.CRITICAL


@given(st.integers(6, 40))
def test_a_newcomer_begins_at_once_beside_one_whose_conversations_never_end(slots: int) -> None:
    line: Line[Item] = Line(slots=slots)
    for number in range(slots * 2):
        line.add(Item(number, Lane.STANDARD, "slow"))
    while line.next() is not None:
        pass
    line.add(Item(1000, Lane.STANDARD, "newcomer"))
    begun = line.next()
    assert begun is not None
    assert begun.workspace_id == "newcomer"


@given(most=st.integers(1, 200), claims=st.lists(st.sampled_from([*WORKSPACES, *"abcdef"]), max_size=40))
def test_what_is_held_leaves_room_for_the_next_workspace(most: int, claims: list[str]) -> None:
    """Each takes all that it may, one after the other and again."""
    line: Line[Item] = Line(slots=1)
    for workspace in claims:
        taken = line.room(Lane.STANDARD, workspace, most)
        for number in range(taken):
            line.add(Item(number, Lane.STANDARD, workspace))
        free = most - line.held_of(Lane.STANDARD)
        assert free >= 0
        assert not taken or line.held[Lane.STANDARD, workspace] <= free + 1
        assert free == 0 or line.room(Lane.STANDARD, "newcomer", most) > 0


def test_what_is_emptied_is_given_back_and_begins_no_more() -> None:
    line: Line[Item] = Line(slots=2)
    items = [Item(number, Lane.STANDARD, f"w{number % 3}") for number in range(5)]
    for item in items:
        line.add(item)
    assert sorted(line.empty(), key=lambda item: item.number) == items
    assert line.next() is None


@given(st.integers(1, 8), st.lists(ARRIVAL, max_size=30))
def test_a_slot_that_nobody_takes_over_comes_back(slots: int, arrivals: list[tuple[Lane, str]]) -> None:
    line: Line[Item] = Line(slots=slots)
    for number, arrival in enumerate(arrivals):
        line.add(Item(number, *arrival))
    running: list[Item] = []
    while (item := line.next()) is not None:
        running.append(item)
    for item in running:
        before = line.in_use, line.queued, Counter(line.running), Counter(line.held), line.running_standard
        line.ended(item)
        following = line.next()
        if following is None:
            line.resume(item)
            assert (line.in_use, line.queued, line.running, line.held, line.running_standard) == before
        else:
            assert line.in_use == before[0]
            assert line.queued == before[1] - 1
