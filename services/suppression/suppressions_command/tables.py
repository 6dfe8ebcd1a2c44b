"""Suppressions as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table

Rows = Sequence[Mapping[str, Any]]
COUNTS = ("rows", "added", "replaced", "unchanged", "faulty")


def show(table: RenderableType) -> None:
    Console(soft_wrap=True, highlight=False, markup=False).print(table)


def entries(found: Rows) -> Table:
    return _table(("uuid", "email", "type", "reason", "scope", "domain", "stream", "created_at", "expires_at"), found)


def verdicts(found: Rows) -> Table:
    return _table(("email", "verdict", "reason", "scope", "suppression"), found)


def results(found: Rows) -> Table:
    told = [
        {"email": each["email"], "status": each["status"], "why": each.get("error", {}).get("detail")} for each in found
    ]
    return _table(("email", "status", "why"), told)


def summary(found: Mapping[str, Any]) -> Group:
    faults = [_table(("line", "code", "detail"), found["faults"])] if found["faults"] else []
    return Group(_table(COUNTS, [found]), *faults)


def _table(columns: Sequence[str], rows: Rows) -> Table:
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in columns))
    return table
