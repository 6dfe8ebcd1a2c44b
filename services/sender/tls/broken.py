"""Hosts whose TLS is broken: opportunistic conversations with them begin in clear, for three days."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.sender.store.broken_tls import BrokenHosts

BROKEN_SECONDS = 3 * 24 * 3600.0
LARGEST = 10_000


class BrokenTls:
    """The hosts, as `name:port`. A host is noted when it greeted us in clear after a handshake that failed, and
    forgotten when it refuses what is said in clear: then only TLS can do.

    With a store the memory outlives the process: `sync` reads it once, and writes what was noted or forgotten since.
    """

    def __init__(self, store: BrokenHosts | None = None, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._until: dict[str, float] = {}
        self._unsaved: dict[str, float] = {}
        self._forgotten: set[str] = set()
        self._loaded = False

    def __contains__(self, host: str) -> bool:
        return self._until.get(host, 0) > self._clock()

    def note(self, host: str) -> None:
        until = self._clock() + BROKEN_SECONDS
        self._unsaved[host] = until
        self._keep(host, until)

    def forget(self, host: str) -> None:
        self._until.pop(host, None)
        self._unsaved.pop(host, None)
        self._forgotten.add(host)

    async def sync(self) -> None:
        if self._store is None:
            return
        if not self._loaded:
            for host, until in (await self._store.newest(LARGEST)).items():
                if host not in self._forgotten:
                    self._keep(host, max(until, self._until.get(host, 0)))
            self._loaded = True
        saved, forgotten = dict(self._unsaved), set(self._forgotten)
        await self._store.forget(forgotten)
        self._forgotten -= forgotten
        await self._store.save(saved)
        for host, until in saved.items():
            if self._unsaved.get(host) == until:
                del self._unsaved[host]

    def _keep(self, host: str, until: float) -> None:
        self._until.pop(host, None)
        while len(self._until) >= LARGEST:
            del self._until[next(iter(self._until))]
        self._until[host] = until
