"""Past decisions and what they would be, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.router.routes.matching import DEFAULT, PLATFORM

PERIODS = {
    "hour": ("Last hour", timedelta(hours=1)),
    "6h": ("Last 6 hours", timedelta(hours=6)),
    "day": ("Last day", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7) - timedelta(minutes=1)),  # events are kept for 7 days
}
TRUNCATED = {
    "limit": "There are more decisions than are looked at; these are the oldest of them.",
    "records": "There were more events than are read at once; these are the oldest of them.",
    "time": "Reading took too long; these are the oldest of them. A shorter time gives all.",
}
ASSUMED = {
    "health": "health guessed",
    "hosts": "mail hosts guessed",
}
Outcome = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """An outcome: what becomes of the message, and by which rule and lane."""

    what: str
    by: str


def said(outcome: Outcome, names: Mapping[str, str]) -> Said:
    reason = f": {outcome['reason']}" if outcome["reason"] else ""
    what = {
        "route": names.get(outcome["transport"], outcome["transport"]),
        "hold": f"held{reason}",
        "reject": f"refused{reason}",
        "no_route": "no way out",
        "wait": f"waits{reason}",
    }[outcome["action"]]
    return Said(str(what), f"{rule_words(outcome['rule'])}, {outcome['lane']} lane")


def rule_words(rule: str | None) -> str:
    """A rule as events name it."""
    if rule is None:
        return "no rule"
    if rule == DEFAULT:
        return "the failover order"
    if rule == f"{PLATFORM}:{DEFAULT}":
        return "the platform’s failover order"
    owner, _, id_ = rule.partition(":")
    return f"the platform’s rule {id_}" if owner == PLATFORM else f"rule {id_}"


def verdict_of(found: Mapping[str, Any]) -> tuple[str, str]:
    """The tone and the sentence that a comparison comes to."""
    decisions, otherwise = found["decisions"], found["otherwise"]
    if not decisions:
        return "mute", "No decisions were made in this time."
    if not otherwise and not found["by_another_rule"]:
        return "good", "Every message would have gone as it went."
    if not otherwise:
        return "good", f"Every message would have gone the same way, {found['by_another_rule']} by another rule."
    return "warn", f"{otherwise} of {decisions} would have gone otherwise."
