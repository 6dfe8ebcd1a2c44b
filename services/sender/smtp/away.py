"""Hosts and addresses that could not be reached a moment ago: others go before them (RFC 5321 section 4.5.4.1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

AWAY_SECONDS = 60.0
LARGEST = 10_000
T = TypeVar("T")


class Place(NamedTuple):
    """A host's name or one of its addresses, and what it is dialled from."""

    host: str
    port: int
    source: str | None


class Away:
    """Remembers places for a minute; so often at most does anything wait for one that drops what is sent to it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[Place, float] = {}

    def __contains__(self, place: Place) -> bool:
        return self._until.get(place, 0.0) > self._clock()

    def note(self, place: Place) -> None:
        self._until.pop(place, None)
        while len(self._until) >= LARGEST:
            del self._until[next(iter(self._until))]
        self._until[place] = self._clock() + AWAY_SECONDS

    def back(self, *places: Place) -> None:
        for place in places:
            self._until.pop(place, None)

    def last(self, things: Sequence[T], place_of: Callable[[T], Place]) -> list[T]:
        """The things in their order, those that are away behind the others."""
        return sorted(things, key=lambda each: place_of(each) in self)
