"""Pages of lists, by id."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from shared.api import json_response
from shared.errors import Fault, invalid_request
from shared.tokens import Cursors, InvalidCursorError


class Pages:
    """Pages by id: a cursor holds the last id of the page before, bound to its query."""

    def __init__(self, key: bytes) -> None:
        self._cursors = Cursors(key)

    def after(self, cursor: str | None, query: str) -> str | None:
        """Raises a 422 problem for a cursor of another query."""
        if cursor is None:
            return None
        try:
            return str(self._cursors.read(cursor, query)[0])
        except InvalidCursorError as error:
            raise invalid_request([Fault("#/cursor", "cursor_invalid", "Is not a cursor of this list.")]) from error

    def reply(self, found: list[dict[str, Any]], limit: int, query: str) -> Response:
        """The page of what was found, one more than `limit` where there is another page."""
        data = found[:limit]
        more = len(found) > limit
        cursor = self._cursors.make([data[-1]["id"]], query) if more else None
        return json_response(200, {"data": data, "has_more": more, "next_cursor": cursor})
