"""Operations of the API that read JSON and answer with one object or a page: what OpenAPI says of them, and pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel
from pydantic_core import PydanticCustomError

from services.ingest.api.schemas import PROBLEM, schema_of
from shared.api import json_response
from shared.errors import Fault, ProblemError, invalid_request
from shared.tokens import Cursors, InvalidCursorError


def _storable(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("out_of_range", "This time is outside of the years 1 to 9999 (UTC)") from error


Moment = Annotated[AwareDatetime, AfterValidator(_storable)]
Limit = Annotated[int, Query(ge=1, le=100, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")]

PROBLEMS = {
    401: "No key, an unknown one, or one that may not be used any more or from here",
    403: "The key lacks the scope, or would hand on what it does not have itself",
    404: "There is none, or it is another workspace's",
    409: "It was changed at the same time; try again",
    413: "The body is too large",
    415: "The body is not application/json",
    422: "Faults in the request, all of them",
    429: "Too many requests; Retry-After says when the next may come",
    503: "The database cannot be reached now; try again",
}
ALWAYS = (401, 429, 503)
BODY = (413, 415, 422)
CHANGE = (409, *BODY)
READING = (403, 422)
WRITING = (403, *BODY)


def replies(status: int, model: type[BaseModel] | None, description: str, *problems: int) -> dict[int | str, Any]:
    """An operation's good reply, and its problems beside those that every one may end in."""
    good: dict[str, Any] = {"description": description}
    if model is not None:
        good["model"] = model
    refusals: dict[int | str, Any] = {
        each: {"description": PROBLEMS[each], "content": {"application/problem+json": {"schema": PROBLEM}}}
        for each in sorted({*ALWAYS, *problems})
    }
    return {status: good, **refusals}


def body_of(model: type[BaseModel], example: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The body's part of an operation that reads its body itself."""
    content = {"schema": schema_of(model), "example": example}
    return {"requestBody": {"required": required, "content": {"application/json": content}}}


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
