"""Entries and what became of them, as callers read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.suppression.documents.identity import place_of
from services.suppression.rules import NEVER, Entry
from shared.contracts.record import rfc3339


def view_of(entry: Entry, email: str | None) -> dict[str, Any]:
    return {
        "uuid": entry.id,
        "email": email,
        "type": entry.type,
        "cause": entry.reason,
        "reason": entry.note or entry.reason,
        "scope": entry.place.scope,
        "domain": entry.place.domain,
        "stream": entry.place.stream,
        "origin": entry.origin,
        "evidence": dict(entry.evidence),
        "created_at": rfc3339(entry.first_seen),
        "last_seen": rfc3339(entry.last_seen),
        "expires_at": end_of(entry.until),
    }


def end_of(until: datetime) -> str | None:
    return None if until == NEVER else rfc3339(until)


def removal_view(document: Mapping[str, Any]) -> dict[str, Any]:
    place, removal = place_of(document), document["removals"][-1]
    return {
        "uuid": document["public_id"],
        "scope": place.scope,
        "domain": place.domain,
        "stream": place.stream,
        "cause": removal["reason"],
        "removed_at": rfc3339(removal["at"]),
        "by": removal["by"],
        "origin": removal["origin"],
        "reason": removal["why"],
    }


def history_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Newest first."""
    changes = []
    if standing := document.get("standing"):
        reason = standing["note"]
        changes.append(_change("added", standing["at"], standing["reason"], standing, reason))
    for removal in reversed(document.get("removals", [])):
        changes.append(_change("removed", removal["at"], removal["reason"], removal, removal["why"]))
        added = removal["added"]
        changes.append(_change("added", added["at"], removal["reason"], added, None))
    return changes


def _change(change: str, at: datetime, cause: str, who: Mapping[str, Any], reason: str | None) -> dict[str, Any]:
    return {
        "change": change,
        "at": rfc3339(at),
        "cause": cause,
        "by": who.get("by"),
        "origin": who["origin"],
        "reason": reason,
    }
