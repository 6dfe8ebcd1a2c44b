"""Forms: read as the API reads a body, and shown again with what is wrong at each field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError

from shared.api import faults_of
from shared.errors import ProblemError, invalid_request

M = TypeVar("M", bound=BaseModel)
OF_THE_FORM = frozenset({403, 409, 413, 422})
MOST_DIGITS = 18
PLAINLY = {
    "string_too_short": "This may not be empty.",
    "too_short": "Choose at least one.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "datetime_parsing": "This is no date and time.",
    "datetime_from_date_parsing": "This is no date and time.",
}
"""What Pydantic says to programmers, for who fills in a form; by its codes."""


@dataclass(frozen=True, slots=True)
class Form:
    """`given` is what stands in the fields, `faults` what is wrong with it, both by the field's name; `problem` is what
    is wrong with no field of it. `status` is that of the page."""

    given: Mapping[str, Any]
    faults: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    status: int = 200


def refused(given: Mapping[str, Any], problem: ProblemError, at: Callable[[str], str] | None = None) -> Form:
    """The form that a problem is about, as it was filled in; `at` names the field of a fault's pointer. Raises the
    problem where no form is to blame for it."""
    if problem.status not in OF_THE_FORM:
        raise problem
    faults: dict[str, str] = {}
    for fault in problem.errors:
        faults.setdefault((at or field_of)(fault.pointer), PLAINLY.get(fault.code, fault.detail))
    placed = {name: detail for name, detail in faults.items() if name in given}
    elsewhere = [detail for name, detail in faults.items() if name not in given]
    if problem.status != 422 or not faults:
        elsewhere = [problem.detail, *elsewhere]
    return Form(given, placed, " ".join(elsewhere) or None, problem.status)


def field_of(pointer: str) -> str:
    """The field that a JSON pointer (RFC 6901) leads into: `scopes` of `#/scopes/0`."""
    return pointer.removeprefix("#/").partition("/")[0]


def as_body(model: type[M], fields: Mapping[str, Any]) -> M:
    """What a form says, as the body that the API takes; raises the API's 422 problem."""
    try:
        return model.model_validate_json(orjson.dumps(dict(fields)))
    except ValidationError as error:
        raise invalid_request(faults_of(error.errors())) from error


async def read_form(request: Request, *names: str) -> dict[str, str]:
    """The texts of these fields, without spaces around them; one that is not there is empty."""
    form = await request.form()
    return {name: value.strip() if isinstance(value := form.get(name), str) else "" for name in names}


async def read_ticked(request: Request, name: str) -> list[str]:
    """The values of the boxes of a name that are ticked."""
    return [value for value in (await request.form()).getlist(name) if isinstance(value, str)]


def lines_of(text: str) -> list[str]:
    """The entries of a field that takes one a line, or several apart by commas."""
    return [line for each in text.splitlines() for part in each.split(",") if (line := part.strip())]


def moment_of(text: str) -> str | None:
    """What a browser's field of date and time gives (HTML Living Standard section 2.3.5.5) as a time in UTC (RFC 3339);
    another text stays as it is, for the API to refuse."""
    if not text or text.endswith("Z") or "+" in text:
        return text or None
    return f"{text}{':00' if text.count(':') == 1 else ''}Z"


def number_of(text: str) -> int | str | None:
    """The whole number that stands in a field, None for nothing; another text stays as it is, for the API to refuse."""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else text or None
