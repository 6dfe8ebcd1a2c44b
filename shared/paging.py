"""Numbered pages and JSON filters, as Leadpush's client library asks for them and reads them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import Fault, ProblemError, invalid_request

MOST_PAGES = 100_000
SEARCHED = Field(None, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
FILTERS = Field(None, max_length=4_000, description='A JSON array of `{"id": …, "value": …}`')


class Paging(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(1, ge=1, le=MOST_PAGES)
    per_page: int = Field(10, ge=1, le=100)

    @property
    def skip(self) -> int:
        return (self.page - 1) * self.per_page


class PageMeta(BaseModel):
    """Where in a list a page is; `last_page` is 1 for an empty list."""

    current_page: int
    per_page: int
    total: int
    last_page: int
    has_next: bool


def paged(data: list[dict[str, Any]], total: int, paging: Paging) -> dict[str, Any]:
    """The reply of a list."""
    last = max(1, -(-total // paging.per_page))
    meta = PageMeta(
        current_page=paging.page,
        per_page=paging.per_page,
        total=total,
        last_page=last,
        has_next=paging.page < last,
    )
    return {"data": data, "meta": meta.model_dump()}


def read_filters(text: str | None, known: Collection[str]) -> dict[str, list[Any]]:
    """The values of each filter, one value counting as a list of one. Raises a 422 problem."""
    if text is None:
        return {}
    try:
        filters = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise filters_refused("malformed_json", "`filters` must be a JSON array.") from error
    if not isinstance(filters, list) or not all(
        isinstance(one, dict) and {"id", "value"} == one.keys() for one in filters
    ):
        raise filters_refused("wrong_type", '`filters` must be a JSON array of `{"id": …, "value": …}`.')
    found: dict[str, list[Any]] = {}
    for one in filters:
        if not isinstance(one["id"], str) or one["id"] not in known:
            raise filters_refused("unknown_filter", f"The filters of this list are: {', '.join(sorted(known))}.")
        values = one["value"] if isinstance(one["value"], list) else [one["value"]]
        if not all(isinstance(value, str | bool | int) for value in values):
            raise filters_refused("wrong_type", "A filter's value must be a scalar, or an array of scalars.")
        found[one["id"]] = values
    return found


def filters_refused(code: str, text: str) -> ProblemError:
    """A 422 problem that names `filters`."""
    return invalid_request([Fault("#/filters", code, text)])
