"""Idle connections that are kept for the next message, and how many connections each destination has open."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from services.sender.smtp.connection import Connection
from services.sender.smtp.peers import Egress
from services.sender.tls.protection import Protection
from shared.contracts.messages import Host


class Key(NamedTuple):
    """What two messages must share to share a connection."""

    transport: str
    transport_version: int
    host: str
    port: int
    protection: Protection
    source: str | None
    destination: str


def key_of(egress: Egress, host: Host, protection: Protection) -> Key:
    return Key(
        *(egress.transport, egress.transport_version, host.name, host.port),
        *(protection, egress.source, egress.destination),
    )


@dataclass
class Idle:
    connection: Connection
    expiry: asyncio.TimerHandle


@dataclass
class Pool:
    """What a destination has open, idle connections too, stays within what `allow` says. Times are seconds.

    To the receiving server an idle connection is one like any other.
    """

    idle_timeout: float
    max_idle: int
    _idle: dict[Key, list[Idle]] = field(default_factory=dict)
    _open: Counter[str] = field(default_factory=Counter)
    _most: dict[str, int] = field(default_factory=dict)

    def allow(self, destination: str, most: int | None) -> None:
        """How many connections a destination may have open from now on (None: as many as are asked for).

        Idle ones beyond that are closed, the oldest first; those in use when their delivery is over.
        """
        if most is None:
            self._most.pop(destination, None)
            return
        self._most[destination] = most
        self._close_beyond(destination, most)

    def open_to(self, destination: str) -> int:
        """How many connections are open or being opened, idle ones too."""
        return self._open[destination]

    def is_within(self, destination: str) -> bool:
        """Whether no more are open than may be."""
        return self._open[destination] <= self._most.get(destination, self._open[destination])

    def idle_to(self, destination: str) -> int:
        return sum(len(idles) for key, idles in self._idle.items() if key.destination == destination)

    def opening(self, destination: str) -> None:
        """Counts a connection that is about to be dialled; an idle one gives its place up where there is none."""
        if destination in self._most:
            self._close_beyond(destination, self._most[destination] - 1)
        self._open[destination] += 1

    def failed(self, destination: str) -> None:
        """The connection that was counted did not open, or has been closed."""
        self._open[destination] -= 1
        if not self._open[destination]:
            del self._open[destination]

    def take(self, key: Key) -> Connection | None:
        """An idle connection that still lives."""
        idles = self._idle.get(key, [])
        while idles:
            idle = idles.pop()
            idle.expiry.cancel()
            if idle.connection.usable:
                return idle.connection
            self._close(idle.connection)
        self._idle.pop(key, None)
        return None

    def put(self, connection: Connection) -> None:
        """Keeps a connection where it can be used again; else it is closed."""
        egress, key = connection.egress, key_of(connection.egress, connection.host, connection.asked)
        seconds = min(self.idle_timeout, egress.idle_seconds)
        if (
            not connection.usable
            or connection.deliveries >= egress.max_deliveries_per_connection
            or seconds <= 0
            or sum(map(len, self._idle.values())) >= self.max_idle
            or not self.is_within(egress.destination)
        ):
            self._close(connection)
            return
        expiry = asyncio.get_running_loop().call_later(seconds, self._expire, key, connection)
        self._idle.setdefault(key, []).append(Idle(connection, expiry))

    def close(self) -> None:
        """Says QUIT on every idle connection."""
        for key in list(self._idle):
            self._close_oldest(key, len(self._idle[key]))

    def _expire(self, key: Key, connection: Connection) -> None:
        idles = [idle for idle in self._idle.get(key, []) if idle.connection is not connection]
        self._idle[key] = idles
        if not idles:
            del self._idle[key]
        self._close(connection)

    def _close_beyond(self, destination: str, most: int) -> None:
        if self._open[destination] <= most:
            return
        for key in [key for key in self._idle if key.destination == destination]:
            self._close_oldest(key, self._open[destination] - most)

    def _close_oldest(self, key: Key, number: int) -> None:
        idles = self._idle.pop(key)
        closed, kept = idles[: max(0, number)], idles[max(0, number) :]
        if kept:
            self._idle[key] = kept
        for idle in closed:
            idle.expiry.cancel()
            self._close(idle.connection)

    def _close(self, connection: Connection) -> None:
        connection.close()
        self.failed(connection.egress.destination)
