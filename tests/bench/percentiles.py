"""Percentiles of durations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Percentiles:
        ordered = sorted(seconds)
        return cls(*(round(ordered[int((len(ordered) - 1) * share)] * 1000, 1) for share in (0.5, 0.95, 0.99)))
