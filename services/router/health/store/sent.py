"""What was counted of a workspace's mail over time, as MongoDB adds it up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.router.health.counts import NAMES, Counts


@dataclass(frozen=True, slots=True)
class Sent:
    """The counts of the time that begins at `at`, of one transport: its id, empty where the mail took none."""

    at: datetime
    transport: str
    counts: Counts


def sums_of(counts: str) -> dict[str, Any]:
    """The accumulators of all that is counted, in the field that `counts` names."""
    return {name: {"$sum": f"{counts}.{name}"} for name in NAMES}


def sent_of(document: Mapping[str, Any]) -> Sent:
    """One group by `at` and `transport`."""
    key = document["_id"]
    return Sent(key["at"], key["transport"], Counter({name: document[name] for name in NAMES if document[name]}))
