"""The summary of one entry of a timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.ingest.projection.narration import decisions, happenings

MOVES = {
    "accepted": "Accepted and stored.",
    "published": "Passed on to the router.",
    "released": "Released to the router for another pass.",
}


def summary_of(step: str, detail: Mapping[str, Any]) -> str:
    """What a timeline's entry says, in whole sentences; `detail` are its fields as the trace shows them."""
    match step:
        case "routed":
            return decisions.routed(detail)
        case "checked":
            return decisions.checked(detail)
        case "attempt":
            return happenings.attempt(detail)
        case "webhook":
            return happenings.webhook(detail)
    return MOVES.get(step) or happenings.event(detail)
