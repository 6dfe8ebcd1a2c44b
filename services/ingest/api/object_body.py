"""JSON objects as bodies: the fields that fit, and every fault of the others, so that all is told at once."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from services.ingest.faults import Faults, pointer_to
from shared.api import MAX_JSON_BYTES, read_json
from shared.errors import Fault, ProblemError, invalid_request

MOST_FAULTS = 500
_CODES = {
    "missing": ("required", "is required."),
    "extra_forbidden": ("unknown_field", "is not a field of this request."),
    "string_type": ("wrong_type", "must be a string."),
    "bool_type": ("wrong_type", "must be true or false."),
    "int_type": ("wrong_type", "must be an integer."),
    "dict_type": ("wrong_type", "must be an object."),
    "model_type": ("wrong_type", "must be an object."),
    "string_too_long": ("too_long", ""),
    "string_too_short": ("required", "may not be empty."),
}


class JsonObject(RootModel[dict[str, Any]]):
    """Any JSON object."""


async def read_object(
    request: Request, model: type[BaseModel], limit: int = MAX_JSON_BYTES
) -> tuple[dict[str, Any], Faults]:
    """The body's top-level fields that fit the model, and the others' faults. Raises a 413, 415 or 422 problem."""
    return fitting((await read_json(request, JsonObject, limit)).root, model)


def fitting(given: dict[str, Any], model: type[BaseModel]) -> tuple[dict[str, Any], Faults]:
    """The top-level fields of an object that fit the model, and the others' faults. Raises a 422 problem for an object
    of too many faults to tell."""
    given, faults = dict(given), Faults()
    try:
        model.model_validate(given, strict=True)
    except ValidationError as error:
        if error.error_count() > MOST_FAULTS:
            faults.add("#", "too_many_faults", f"The request has {error.error_count()} faults.")
            faults.raise_any()
        for detail in error.errors(include_url=False):
            faults.add(*_fault(detail))
            given.pop(str(detail["loc"][0]), None)
    return given, faults


def _fault(detail: ErrorDetails) -> tuple[str, str, str]:
    place, kind = detail["loc"], detail["type"]
    name = ".".join(str(part) for part in place)
    if kind == "literal_error":
        return pointer_to(*place), "invalid_choice", f"`{name}` must be {detail['ctx']['expected']}."
    code, text = _CODES.get(kind, ("invalid", ""))
    return pointer_to(*place), code, f"`{name}` {text or detail['msg'][0].lower() + detail['msg'][1:] + '.'}"


def refused(pointer: str, code: str, text: str) -> ProblemError:
    """A 422 problem of one fault."""
    return invalid_request([Fault(pointer, code, text)])
