"""What one process takes in at once: connections, and bytes of messages."""

from __future__ import annotations

from collections import Counter


class ConnectionLimits:
    """Counts connections, all of them and by address."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._by_address: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """False where this one is too many; otherwise `leave` has to follow."""
        if self._by_address.total() >= self._most or self._by_address[address] >= self._most_per_address:
            return False
        self._by_address[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class ByteBudget:
    """The bytes of messages that all connections together may hold."""

    def __init__(self, most: int) -> None:
        self.free = most

    def take(self, count: int) -> bool:
        """False where so much is not left; nothing is taken then."""
        if count > self.free:
            return False
        self.free -= count
        return True

    def give_back(self, count: int) -> None:
        self.free += count
