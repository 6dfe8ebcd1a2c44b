"""What changed, as metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from shared.telemetry import metrics


def count_changes(documents: Sequence[Mapping[str, Any]]) -> None:
    """Counts documents that were just changed, by what happened to them and for which reason."""
    counts = Counter(
        ("added", each["standing"]["reason"]) if "standing" in each else ("removed", each["removed_reason"])
        for each in documents
    )
    for (change, reason), number in counts.items():
        metrics.SUPPRESSIONS.labels(change, reason).inc(number)
