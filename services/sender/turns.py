"""Which delivery of this process begins next: destinations in turn, each within its slots and at its pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.sender.arrivals import Held
from services.sender.destinations.pacing import Pacing
from services.sender.fair import Line
from services.sender.slots import Slots
from shared.contracts.topics import Lane


class Turns:
    """Destinations that have deliveries waiting here. `come_again` is called with one whose pace lets it go on.

    `most` is how many conversations the process has at once; a fifth of them is the critical lane's own.
    """

    def __init__(self, slots: Slots, pacing: Pacing, most: int, come_again: Callable[[str], None]) -> None:
        self._slots = slots
        self._pacing = pacing
        self._limits = ((Lane.CRITICAL, most), (Lane.STANDARD, most - max(1, most // 5)))
        self._come_again = come_again
        self._waiting: dict[Lane, dict[str, None]] = {lane: {} for lane in Lane}
        self._paced: dict[str, asyncio.TimerHandle] = {}

    def join(self, destination: str) -> None:
        """Puts a destination behind those that found the process full."""
        line = self._slots.line(destination)
        for lane in Lane:
            self._waiting[lane].pop(destination, None)
            if line.queued_of(lane):
                self._waiting[lane][destination] = None

    def next(self, running: int) -> tuple[Held, Line[Held]] | None:
        """The delivery that begins now and its line, while `running` conversations are under way: the critical lane
        first, one delivery of each destination in turn."""
        for lane, limit in self._limits:
            turn = self._waiting[lane]
            while turn and running < limit:
                destination = next(iter(turn))
                del turn[destination]
                if self._slots.lapsed(destination) or self._is_paced(destination):
                    continue
                line = self._slots.line(destination)
                held = line.next(standard=lane is Lane.STANDARD)
                if held is None:
                    continue
                # a line whose slots are all in use comes again when one of them is free
                if line.queued_of(lane):
                    turn[destination] = None
                return held, line
        return None

    def after(self, held: Held, running: int) -> Held | None:
        """The delivery that takes over the slot of one that only waits for its reply; None where none may begin."""
        line, (_, most) = self._slots.line(held.destination), self._limits[-1]
        if not line.queued or self._slots.lapsed(held.destination) or self._is_paced(held.destination):
            return None
        line.ended(held)
        following = line.next(standard=running < most)
        if following is None:
            line.resume(held)
        return following

    def close(self) -> None:
        """Nobody comes again."""
        for timer in self._paced.values():
            timer.cancel()
        self._paced.clear()

    def _is_paced(self, destination: str) -> bool:
        """Whether its pace lets nothing begin now; it comes again when it does."""
        wait = self._pacing.wait(destination)
        if wait and destination not in self._paced:
            self._paced[destination] = asyncio.get_running_loop().call_later(wait, self._again, destination)
        return wait > 0

    def _again(self, destination: str) -> None:
        del self._paced[destination]
        if destination in self._slots.lines:
            self._come_again(destination)
