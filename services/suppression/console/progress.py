"""How far an import is, as its page shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.suppression.store.imports import ImportState

QUIET_SECONDS = 60.0
COUNTS = ("rows", "added", "replaced", "unchanged", "faulty")
BROKEN_OFF = "Nothing has come for a minute: the connection or the process was broken off."


def shown(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """An import as its templates take it; None is one that has not begun."""
    if document is None:
        return {"file": None}
    counts = {name: document.get(name, 0) for name in COUNTS}
    running = document["state"] == ImportState.RUNNING
    seconds = max((document["at"] - document["began_at"]).total_seconds(), 0.001)
    return {
        "file": {
            **counts,
            "running": running and document["quiet"] < QUIET_SECONDS,
            "problem": BROKEN_OFF if running and document["quiet"] >= QUIET_SECONDS else document.get("problem"),
            "faults": document.get("faults", []),
            "read": document["read"],
            "size": document["size"],
            "percent": percent(document["read"], document["size"]),
            "per_second": counts["rows"] / seconds,
            "milliseconds": seconds * 1000,
            "at": document["at"],
        }
    }


def percent(read: int, size: int | None) -> int | None:
    """How much has come of a body of so many bytes; None where nobody said how many these are."""
    return None if not size else min(100, 100 * read // size)
