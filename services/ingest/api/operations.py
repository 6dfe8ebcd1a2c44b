"""What the native routes share: the statuses that they answer with, times, conflicts, and pages by a cursor."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Request, Response
from pydantic import AfterValidator, AwareDatetime
from pydantic_core import PydanticCustomError

from shared.api import json_response
from shared.errors import Fault, ProblemError, invalid_request
from shared.openapi.operations import BODY, KEY
from shared.tokens import Cursors, InvalidCursorError


def _storable(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("out_of_range", "This time is outside of the years 1 to 9999 (UTC)") from error


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]
GATES = (*KEY, 429)
"""What a route for keys may answer whatever it is for: ingest counts what each key asks."""
CHANGE = (409, *BODY)
READING = (*GATES, 422)
WRITING = (*GATES, *BODY)


def has_body(request: Request) -> bool:
    """Whether a request has a body (RFC 9112 section 6.3)."""
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def conflict(what: str) -> ProblemError:
    return ProblemError(409, "conflict", f"The {what} was changed at the same time; please try again.")


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

    def reply(self, found: list[dict[str, Any]], limit: int, query: str) -> Response:
        """The page of what was found, one more than `limit` where there is another page."""
        data, has_more = found[:limit], len(found) > limit
        cursor = self._cursors.make([data[-1]["id"]], query) if has_more else None
        return json_response(200, {"data": data, "has_more": has_more, "next_cursor": cursor})
