"""The memory that the contents of claimed deliveries take: counted, and bounded for each lane."""

from __future__ import annotations

from services.sender.arrivals import Held
from shared.content import LOADED_BYTES, MAX_BYTES, Content
from shared.contracts.topics import Lane

READING_BYTES = 4 * 1024 * 1024
"""What a content takes beside its text while its files are read from the store: a chunk on its way to the wire."""


class Memory:
    """Counts bytes. `most` is for all, a fifth of it is the critical lane's own."""

    def __init__(self, most: int) -> None:
        self._most = {Lane.CRITICAL: most, Lane.STANDARD: most - most // 5}
        self._taken = 0

    def has_room(self, lane: Lane) -> bool:
        return self._taken < self._most[lane]

    def take(self, held: Held) -> bool:
        """Counts a delivery whose content is about to be loaded; False where that is too much beside the others."""
        weight = min(held.message.size, MAX_BYTES + LOADED_BYTES)
        if self._taken and self._taken + weight > self._most[held.lane]:
            return False
        self._taken += weight
        held.weight = weight
        return True

    def settle(self, held: Held, content: Content | None) -> None:
        """Counts a delivery for what was loaded for it."""
        weight = held.message.size if content is not None else 0
        if content is not None and not content.is_whole:
            left = sum(blob.size for blob in content.blobs() if blob.data is None)
            weight = max(0, weight - left) + READING_BYTES
        self._taken += weight - held.weight
        held.weight = weight

    def give_back(self, held: Held) -> None:
        self._taken -= held.weight
        held.weight = 0
