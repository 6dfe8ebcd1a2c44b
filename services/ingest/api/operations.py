"""What the native routes share: the statuses that they answer with, times and conflicts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Request
from pydantic import AfterValidator, AwareDatetime
from pydantic_core import PydanticCustomError

from shared.errors import ProblemError
from shared.openapi.operations import BODY, KEY


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
