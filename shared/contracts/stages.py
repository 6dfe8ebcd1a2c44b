"""`stage.reports`: what waits in a stage that nobody else can look into, as it says itself every few seconds."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.contracts.record import Record, Timestamp
from shared.contracts.topics import Lane


class StageReport(Record):
    """How much waited in a stage's lane at `reported_at`, `more` where it was not counted further, and since when the
    oldest of it did."""

    newer_by: ClassVar[str] = "stage"

    stage: Literal["outbox"]
    lane: Lane
    count: int
    more: bool = False
    oldest_at: Timestamp | None = None
    reported_at: Timestamp
