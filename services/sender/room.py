"""How many more deliveries this process takes of a destination, a lane and a workspace."""

from __future__ import annotations

from math import ceil

from services.sender.arrivals import Held
from services.sender.destinations.pacing import Pacing
from services.sender.fair import Line
from services.sender.memory import Memory
from services.sender.settings import Settings
from services.sender.slots import Slots
from shared.contracts.topics import Lane


class Room:
    """None is left once it is `closed`."""

    def __init__(self, settings: Settings, slots: Slots, pacing: Pacing, memory: Memory) -> None:
        self._settings = settings
        self._slots = slots
        self._pacing = pacing
        self._memory = memory
        self.closed = False

    def of(self, destination: str, lane: Lane) -> int:
        """How many more of a destination, of whatever workspaces."""
        if self.closed or not self._memory.has_room(lane):
            return 0
        line = self._slots.line(destination)
        return max(0, self._most(destination, line, lane) - line.held_of(lane))

    def to_claim(self, destination: str, lane: Lane, workspace_id: str) -> int:
        """How many more of one workspace; in the standard lane none until it has half of its own left.

        A claim costs the same for one as for many, and what is held keeps every slot busy meanwhile.
        """
        if not self.of(destination, lane):
            return 0
        line = self._slots.line(destination)
        room = line.room(lane, workspace_id, self._most(destination, line, lane))
        enough = lane is Lane.CRITICAL or line.held[lane, workspace_id] <= room
        return room if enough else 0

    def _most(self, destination: str, line: Line[Held], lane: Lane) -> int:
        """How many deliveries of a lane are held for a destination at once: no more than its rate lets begin soon."""
        slots = line.standard_slots if lane is Lane.STANDARD else line.slots
        most, rate = slots * self._settings.held_per_connection, self._pacing.rate(destination)
        return min(most, ceil(rate * self._settings.lease_seconds)) if rate else most
