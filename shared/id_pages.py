"""Pages by id, behind a cursor."""

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

    def place(self, cursor: str | None, query: str) -> str | None:
        """The id that a cursor stands for; raises a 422 problem for one of another list."""
        if cursor is None:
            return None
        try:
            return str(self._cursors.read(cursor, query)[0])
        except InvalidCursorError as error:
            fault = Fault("#/cursor", "invalid_cursor", "This cursor was not made for this list.")
            raise invalid_request([fault]) from error

    def page(self, found: list[dict[str, Any]], limit: int, query: str) -> dict[str, Any]:
        """The page of what was found, one more than `limit` where there is another page."""
        data, has_more = found[:limit], len(found) > limit
        cursor = self._cursors.make([data[-1]["id"]], query) if has_more else None
        return {"data": data, "has_more": has_more, "next_cursor": cursor}

    def reply(self, found: list[dict[str, Any]], limit: int, query: str) -> Response:
        """As `page`, as a reply."""
        return json_response(200, self.page(found, limit, query))
