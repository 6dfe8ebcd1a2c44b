"""The filters of the queue's lists, as a page's address has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from services.sender.api.schemas import State
from services.sender.console.saying import SHORT_NAMES, STATES

PATH = "/console/queue"
PAGE = 50
PARTS = ("domain", "rollup", "transport")
FIELDS = ("recipient", "lane", "state", *PARTS)
FILTERS = (*FIELDS, "hold")
LANE_CHOICES = [("", "both"), *SHORT_NAMES.items()]
STATE_CHOICES = [("", "any"), *((state, STATES[state]) for state in get_args(State))]


def given_of(query: Mapping[str, str], names: tuple[str, ...] = FILTERS) -> dict[str, str]:
    """What was given of these names, in their order."""
    return {name: value for name in names if (value := query.get(name, "").strip())}
