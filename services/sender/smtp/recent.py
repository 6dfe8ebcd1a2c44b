"""What was noted a while ago at most."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

LARGEST = 10_000
K = TypeVar("K", bound=Hashable)


class Recent(Generic[K]):
    """Remembers what is noted for so many seconds; the oldest make room."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: dict[K, float] = {}

    def __contains__(self, key: K) -> bool:
        return self._until.get(key, 0.0) > self._clock()

    def note(self, key: K) -> None:
        self._until.pop(key, None)
        while len(self._until) >= LARGEST:
            del self._until[next(iter(self._until))]
        self._until[key] = self._clock() + self._seconds

    def forget(self, *keys: K) -> None:
        for key in keys:
            self._until.pop(key, None)
