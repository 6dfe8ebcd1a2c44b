"""Pages of lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.errors import Fault, invalid_request
from shared.tokens import Cursors, InvalidCursorError


class Pages:
    """A cursor holds where the page before ended, its last id as a rule, and is bound to its query."""

    def __init__(self, key: bytes) -> None:
        self._cursors = Cursors(key)

    def after(self, cursor: str | None, query: str) -> str | None:
        """The last id of the page before. Raises a 422 problem for a cursor of another query."""
        position = self.position(cursor, query)
        return None if position is None else str(position[0])

    def position(self, cursor: str | None, query: str) -> list[Any] | None:
        """Where the page before ended; raises as `after` does."""
        if cursor is None:
            return None
        try:
            return self._cursors.read(cursor, query)
        except InvalidCursorError as error:
            raise invalid_request([Fault("#/cursor", "cursor_invalid", "Is not a cursor of this list.")]) from error

    def page(
        self,
        found: list[dict[str, Any]],
        limit: int,
        query: str,
        place: Callable[[dict[str, Any]], list[Any]] = lambda row: [row["id"]],
    ) -> dict[str, Any]:
        """The page of what was found, one more than `limit` where there is another page; `place` is where a row is."""
        data = found[:limit]
        more = len(found) > limit
        cursor = self._cursors.make(place(data[-1]), query) if more else None
        return {"data": data, "has_more": more, "next_cursor": cursor}
