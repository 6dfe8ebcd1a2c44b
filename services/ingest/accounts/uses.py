"""Noting that keys and credentials are used, off the way of the requests that use them."""

from __future__ import annotations

from datetime import UTC, datetime

from services.ingest.store.uses import LastUses


class Uses:
    """What was used since it was last written; `flush` is called as often as a use may be written."""

    def __init__(self, store: LastUses) -> None:
        self._store = store
        self._seen: dict[str, datetime] = {}

    def note(self, id_: str) -> None:
        self._seen[id_] = datetime.now(UTC)

    async def flush(self) -> None:
        """Writes what was noted; what cannot be written is noted again."""
        seen, self._seen = self._seen, {}
        try:
            await self._store.mark(seen)
        except BaseException:
            self._seen = seen | self._seen
            raise
