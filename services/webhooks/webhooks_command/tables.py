"""Endpoints, deliveries, replays and back-fills as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from shared.terminal import table_of

Row = Mapping[str, Any]
DELIVERY = (
    "id", "endpoint_id", "event_type", "message_id", "state", "attempt_count", "created_at", "next_at", "finished_at"
)  # fmt: skip
ATTEMPT = ("attempt", "occurred_at", "state", "status", "error", "ms", "excerpt")
TASK = ("id", "state", "reason", "since", "until", "queued", "created_at", "ended_at")


def endpoints(found: Sequence[Row]) -> Table:
    rows = [
        (each["id"], each["url"], ", ".join(each["events"]) or "all", each["enabled"], each["disabled_reason"])
        for each in found
    ]
    return table_of(("id", "url", "events", "enabled", "why not"), rows)


def deliveries(found: Sequence[Row]) -> Table:
    return _named(DELIVERY, found)


def delivery(found: Row) -> list[Table]:
    """One delivery, and its attempts below it."""
    return [deliveries([found]), _named(ATTEMPT, found["attempts"])]


def tasks(found: Sequence[Row]) -> Table:
    return _named(TASK, found)


def _named(columns: Sequence[str], found: Sequence[Row]) -> Table:
    return table_of(columns, [[each[name] for name in columns] for each in found])
