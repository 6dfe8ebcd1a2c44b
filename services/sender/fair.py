"""The order of one destination inside a process: which claimed delivery begins next. Pure; no clock, no tasks.

Invariants: the critical lane goes first and always finds a free slot in what the standard lane may not use; workspaces
take turns; what a workspace may have is a multiple of what stays free, so that a newcomer finds room at once, however
long others' conversations take (dynamic thresholds, Choudhury and Hahne, 1998).
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from shared.contracts.topics import Lane


class Queued(Protocol):
    """What is put in order."""

    @property
    def lane(self) -> Lane: ...

    @property
    def workspace_id(self) -> str: ...


Q = TypeVar("Q", bound=Queued)


# Slots of one workspace for each that stays free: four fifths of all where it is alone, and all where they are few.
SLOTS_PER_FREE = 4


@dataclass
class Line(Generic[Q]):
    """The slots that the process holds for a destination, what runs in them, and what waits for them.

    `moved_at` is the monotonic time at which a conversation ended last, or the first one began.
    """

    slots: int = 0
    running: Counter[str] = field(default_factory=Counter)
    running_standard: int = 0
    held: Counter[tuple[Lane, str]] = field(default_factory=Counter)
    moved_at: float = 0.0
    _held_of: Counter[Lane] = field(default_factory=Counter)
    waiting: dict[Lane, OrderedDict[str, deque[Q]]] = field(
        default_factory=lambda: {lane: OrderedDict() for lane in Lane}
    )

    @property
    def standard_slots(self) -> int:
        """What the standard lane may use: a fifth is the critical lane's own."""
        return self.slots if self.slots < 2 else self.slots - max(1, self.slots // 5)

    @property
    def in_use(self) -> int:
        return self.running.total()

    @property
    def queued(self) -> int:
        return sum(map(self.queued_of, Lane))

    def queued_of(self, lane: Lane) -> int:
        running = self.running_standard if lane is Lane.STANDARD else self.in_use - self.running_standard
        return self._held_of[lane] - running

    def held_of(self, lane: Lane) -> int:
        """What runs and what waits of one lane."""
        return self._held_of[lane]

    def room(self, lane: Lane, workspace_id: str, most: int) -> int:
        """How many more of a workspace may be held where `most` are in all: as many as leave as much free as it has."""
        free = most - self.held_of(lane)
        return max(0, min(free, -(-(free - self.held[lane, workspace_id]) // 2)))

    def add(self, item: Q) -> None:
        self.held[item.lane, item.workspace_id] += 1
        self._held_of[item.lane] += 1
        self.waiting[item.lane].setdefault(item.workspace_id, deque()).append(item)

    def next(self, *, standard: bool = True) -> Q | None:
        """Takes the delivery that begins now, if any may; `ended` is to be called when its conversation is over.

        `standard` is False while the process as a whole has no room but for the critical lane.
        """
        if self.in_use >= self.slots:
            return None
        for lane in (Lane.CRITICAL, Lane.STANDARD):
            if lane is Lane.STANDARD and (not standard or self.running_standard >= self.standard_slots):
                return None
            free = self.slots - self.in_use
            if lane is Lane.STANDARD:
                free = min(free, self.standard_slots - self.running_standard)
            item = self._turn(self.waiting[lane], free)
            if item is not None:
                self.running[item.workspace_id] += 1
                self.running_standard += lane is Lane.STANDARD
                return item
        return None

    def ended(self, item: Q) -> None:
        self.running[item.workspace_id] -= 1
        if not self.running[item.workspace_id]:
            del self.running[item.workspace_id]
        self.running_standard -= item.lane is Lane.STANDARD
        self._let_go(item)

    def resume(self, item: Q) -> None:
        """Counts one as running again whose slot was passed on, and came back."""
        self.held[item.lane, item.workspace_id] += 1
        self._held_of[item.lane] += 1
        self.running[item.workspace_id] += 1
        self.running_standard += item.lane is Lane.STANDARD

    def empty(self) -> list[Q]:
        """Takes out everything that waits."""
        left = [item for queues in self.waiting.values() for queue in queues.values() for item in queue]
        for queues in self.waiting.values():
            queues.clear()
        for item in left:
            self._let_go(item)
        return left

    def _let_go(self, item: Q) -> None:
        key = item.lane, item.workspace_id
        self._held_of[item.lane] -= 1
        self.held[key] -= 1
        if not self.held[key]:
            del self.held[key]

    def _turn(self, queues: OrderedDict[str, deque[Q]], free: int) -> Q | None:
        """The workspace whose turn it is gives its oldest and goes to the back."""
        for workspace_id in list(queues):
            if self.running[workspace_id] >= SLOTS_PER_FREE * free:
                continue
            queue = queues[workspace_id]
            item = queue.popleft()
            queues.move_to_end(workspace_id)
            if not queue:
                del queues[workspace_id]
            return item
        return None
