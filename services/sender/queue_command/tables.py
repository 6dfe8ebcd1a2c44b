"""The queue as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from shared.terminal import table_of

STATES = ("waiting", "in_flight", "deferred", "held", "released")


def summary(queue: Mapping[str, Any]) -> list[Table]:
    """What waits, stage by stage and destination by destination."""
    tables = []
    if queue["stages"] is not None:
        rows = [
            (each["lane"], each["stage"], "?" if each["count"] is None else count(each), each["oldest_at"])
            for each in queue["stages"]
        ]
        tables.append(table_of(("lane", "stage", "unread", "oldest"), rows))
    lanes = [(each["lane"], *(count(each[state]) for state in STATES)) for each in queue["lanes"]]
    tables.append(table_of(("lane", *STATES), lanes))
    return [*tables, destinations(queue["destinations"])]


def destinations(page: Mapping[str, Any]) -> Table:
    rows = [
        (each["transport"], each["rollup"], *(count(each[state]) for state in STATES), *_first(each))
        for each in page["data"]
    ]
    return table_of(("transport", "rollup", *STATES, "oldest", "next", "why"), rows)


def messages(page: Mapping[str, Any]) -> Table:
    columns = ("id", "recipient", "state", "transport", "rollup", "attempts", "next_at", "why", "last_reply")
    return table_of(columns, [[each[name] for name in columns] for each in page["data"]])


def holds(page: Mapping[str, Any]) -> Table:
    rows = [
        (each["id"], each["by"], named(each["selection"]), each["since"], each["until"], each["reason"])
        for each in page["data"]
    ]
    return table_of(("id", "by", "what", "since", "until", "reason"), rows)


def jobs(found: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            each["id"], each["action"], each["state"], each["changed"],
            ", ".join(f"{reason} {number}" for reason, number in each["refused"].items()),
            named(each["selection"]), each["created_at"],
        )
        for each in found
    ]  # fmt: skip
    return table_of(("id", "action", "state", "changed", "left", "what", "asked at"), rows)


def named(selection: Mapping[str, Any]) -> str:
    """A selection in a line."""
    parts = {name: value for name, value in selection.items() if value is not None}
    if "messages" in parts:
        ids = parts["messages"]
        parts["messages"] = ids[0] if len(ids) == 1 else f"{len(ids)} messages"
    return " ".join(f"{name}={value}" for name, value in parts.items())


def count(tally: Mapping[str, Any]) -> str:
    return f"{tally['count']}+" if tally["more"] else str(tally["count"])


def _first(destination: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """The oldest of a destination, its next attempt, and why what is first in it waits."""
    tallies = [destination[state] for state in STATES]
    oldest = min((each["oldest_at"] for each in tallies if each["oldest_at"]), default=None)
    next_at = destination["deferred"]["next_at"]
    why = next((destination[state]["why"] for state in STATES if destination[state].get("why")), None)
    return oldest, next_at, why
