"""The filters of the queue's lists, as a page's address has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from services.sender.api.schemas import State
from services.sender.console.saying import SHORT_NAMES, STATES
from shared.api import faults_of

PATH = "/console/queue"
PAGE = 50
PARTS = ("domain", "rollup", "transport")
FIELDS = ("recipient", "lane", "state", *PARTS)
FILTERS = (*FIELDS, "hold")
LANE_CHOICES = [("", "both"), *SHORT_NAMES.items()]
STATE_CHOICES = [("", "any"), *((state, STATES[state]) for state in get_args(State))]
M = TypeVar("M", bound=BaseModel)
Faults = Mapping[str, str]


def given_of(query: Mapping[str, str], names: tuple[str, ...] = FILTERS) -> dict[str, str]:
    """What was given of these names, in their order."""
    return {name: value for name in names if (value := query.get(name, "").strip())}


def read(model: type[M], fields: Mapping[str, Any]) -> tuple[M | None, Faults]:
    """What a form or an address asks for, or what is wrong with it by field; `form` has what is nobody's field."""
    try:
        return model.model_validate(fields), {}
    except ValidationError as error:
        return None, faults_by_field(faults_of(error.errors()))


def placed(faults: Faults, shown: tuple[str, ...]) -> dict[str, str | None]:
    """Faults by the fields that a page shows; those of others are the `form`'s."""
    elsewhere = " ".join(detail for name, detail in faults.items() if name not in shown)
    return {**dict.fromkeys(shown), **faults, "form": elsewhere or None}


def faults_by_field(faults: Any) -> dict[str, str]:
    return {fault.pointer.removeprefix("#/").partition("/")[0].removeprefix("#") or "form": fault.detail
            for fault in faults}  # fmt: skip
