"""The entries of a message's timeline as steps of a page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.ingest.projection.narration.wording import place_of
from shared.console.words import spoken

Entry = Mapping[str, Any]
TITLES = {
    "accepted": ("check", "Accepted", "good"),
    "published": ("next", "Passed on to the pipeline", "good"),
    "released": ("clock", "Taken up again", "calm"),
    "routed": ("routing", "Route chosen", "good"),
    "checked": ("shield", "Suppressions checked", "good"),
    "queued": ("queue", "Waits in the queue", "calm"),
    "sending": ("send", "An attempt takes its time", "calm"),
    "stuck": ("warn", "Stopped by a fault", "bad"),
    "bounced": ("cross", "Bounced", "bad"),
    "failed": ("cross", "Failed", "bad"),
    "suppressed": ("suppressions", "Suppressed", "mute"),
    "canceled": ("cross", "Canceled", "mute"),
    "complained": ("warn", "Complaint", "bad"),
    "unsubscribed": ("suppressions", "Unsubscribed", "warn"),
    "replied": ("messages", "Replied to", "good"),
    "opened": ("overview", "Opened", "good"),
    "clicked": ("next", "Link followed", "good"),
}
ATTEMPTS = {
    "delivered": ("Delivered", "good"),
    "relayed": ("Handed to the smart host", "good"),
    "deferred": ("Deferred", "warn"),
    "bounced": ("Refused", "bad"),
    "ambiguous": ("Answer lost", "warn"),
    "failed": ("Failed", "bad"),
}
FACTS = (
    "host", "ip", "source", "code", "enhanced", "class", "rollup", "rule", "rule_version", "why", "verdict", "reason",
    "scope", "next_at", "until", "trace_id", "event_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `ms` is the time since acceptance, `took` that since the step before it."""

    icon: str
    title: str
    tone: str
    at: str
    ms: int
    took: int
    summary: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    transcript: list[Entry] = field(default_factory=list)
    candidates: list[Entry] = field(default_factory=list)
    excerpt: str | None = None


def steps_of(timeline: list[dict[str, Any]]) -> list[Step]:
    """The timeline, oldest first."""
    return [_step(entry) for entry in timeline]


def _step(entry: Entry) -> Step:
    icon, title, tone = _head(entry)
    return Step(
        icon,
        title,
        tone,
        entry["at"],
        entry["ms"],
        entry["ms_since_previous"],
        entry["summary"],
        _facts(entry),
        list(entry.get("transcript") or ()),
        list(entry.get("candidates") or ()),
        entry.get("excerpt") or None,
    )


def _head(entry: Entry) -> tuple[str, str, str]:
    step = entry["step"]
    if step == "attempt":
        words, tone = ATTEMPTS.get(entry["event"], (spoken(entry["event"]).capitalize(), "calm"))
        return "server", f"Attempt {entry['attempt']}: {words.lower()}", tone
    if step == "webhook":
        told = "told" if entry.get("ok") else "not reached"
        return "webhooks", f"Webhook {place_of(entry.get('url'))} {told}", "good" if entry.get("ok") else "warn"
    if step == "checked" and entry.get("verdict") != "send":
        return "shield", f"Stopped: {spoken(str(entry.get('verdict')))}", "mute"
    return TITLES.get(step, ("event", spoken(step).capitalize(), "calm"))


def _facts(entry: Entry) -> list[tuple[str, str]]:
    """What is worth knowing beside the summary, by name."""
    facts = [(spoken(name), str(entry[name])) for name in FACTS if entry.get(name) not in (None, "")]
    if tls := entry.get("tls"):
        facts.append(("TLS", ", ".join(str(value) for value in tls.values()) if isinstance(tls, Mapping) else str(tls)))
    facts += [(f"webhook {name}", str(entry[name])) for name in ("url", "status", "error") if entry.get(name)]
    return facts + [(spoken(name), _flat(value)) for name, value in (entry.get("data") or {}).items()]


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{spoken(str(name))} {_flat(inner)}" for name, inner in value.items())
    return ", ".join(map(_flat, value)) if isinstance(value, list) else str(value)
