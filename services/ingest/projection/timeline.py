"""The timeline of one message, from its document: every stage, attempt and webhook, in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.contracts.record import rfc3339
from shared.telemetry.tracing import trace_id_of

Document = Mapping[str, Any]

ORDER = ("accepted", "published", "released", "routed", "checked", "event", "attempt", "webhook")
OUTCOME_FIELDS = (
    "code", "enhanced", "reply", "stage", "class", "hard", "scope", "rule", "host", "ip", "source", "tls",
    "timings", "transcript", "next_at",
)  # fmt: skip
ROUTE_FIELDS = (
    "transport", "transport_version", "kind", "hosts", "tls", "rollup", "stand_in", "rule", "rule_version",
    "why", "candidates", "inputs",
)  # fmt: skip
VERDICT_FIELDS = ("reason", "detail", "scope", "evidence", "until", "rule", "rule_version", "inputs", "by")
STAGES = frozenset({"route", "verdict", "seen"})
WEBHOOK_FIELDS = ("endpoint_id", "url", "event_id", "event_type", "attempt", "status", "error", "ok", "excerpt")


def timeline_of(document: Document) -> list[dict[str, Any]]:
    """The entries in the order of their time.

    Each has `step`, `at`, `ms` since acceptance and `ms_since_previous`, and what its step adds. `routed` and `checked`
    are unfolded from the event that reports their pass; a pass that has not been reported yet does not show them.
    """
    entries = sorted(_entries(document), key=lambda entry: (entry["at"], ORDER.index(entry["kind"]), entry["sequence"]))
    accepted_at = previous = document["accepted_at"]
    shown = []
    for entry in entries:
        at = entry["at"]
        timing = {
            "step": entry["step"],
            "at": rfc3339(at),
            "ms": _ms(accepted_at, at),
            "ms_since_previous": _ms(previous, at),
        }
        shown.append(timing | entry["detail"])
        previous = at
    return shown


def _entries(document: Document) -> Iterator[dict[str, Any]]:
    trace_id = trace_id_of(document.get("trace"))
    yield _entry("accepted", document["accepted_at"])
    if published_at := document.get("times", {}).get("published_at"):
        yield _entry("published", published_at)
    events = sorted(document.get("events", {}).values(), key=lambda event: (event["sequence"], event["event_id"]))
    unfolded: dict[tuple[str, int], dict[str, Any]] = {}
    for event in events:
        for entry in _stages(event):  # a later event of the same pass says the same, or more
            unfolded[entry["step"], event["pass"]] = entry
        if event["type"] != "accepted":
            yield _event(event, trace_id)
    yield from unfolded.values()
    for attempt in document.get("webhooks", {}).values():
        yield _webhook(attempt)


def _stages(event: Document) -> Iterator[dict[str, Any]]:
    """What the stages before the sender found in the pass that an event reports."""
    data, pass_ = event["data"], event["pass"]
    seen, route, verdict = data.get("seen") or {}, data.get("route"), data.get("verdict")
    if released := _time(seen.get("released")):
        yield _entry("released", released, {"pass": pass_})
    if route:
        at = _time(seen.get("routed") or route.get("decided_at"))
        if at:
            yield _entry("routed", at, {"pass": pass_, **_unversioned(_some(route, ROUTE_FIELDS))})
    if verdict:
        at = _time(verdict.get("checked_at") or seen.get("checked"))
        if at:
            detail = {"pass": pass_, "verdict": verdict.get("kind"), **_unversioned(_some(verdict, VERDICT_FIELDS))}
            yield _entry("checked", at, detail)


def _event(event: Document, trace_id: str | None) -> dict[str, Any]:
    """An SMTP attempt with all that was said, or whatever else happened."""
    data = event["data"]
    is_attempt = event["attempt"] > 0 and ("transcript" in data or "timings" in data or "host" in data)
    detail: dict[str, Any] = {"event": event["type"], "event_id": event["event_id"], "pass": event["pass"]}
    if is_attempt:
        detail |= {"attempt": event["attempt"], **_some(data, OUTCOME_FIELDS)}
        shown = {*OUTCOME_FIELDS, *STAGES}
    else:
        shown = set(STAGES)
    if rest := {name: value for name, value in data.items() if name not in shown}:
        detail["data"] = rest
    own_trace = trace_id_of(event.get("trace"))
    if own_trace and own_trace != trace_id:
        detail["trace_id"] = own_trace
    step = "attempt" if is_attempt else event["type"]
    return _entry(step, event["at"], detail, "attempt" if is_attempt else "event", event["sequence"])


def _webhook(attempt: Document) -> dict[str, Any]:
    detail = _some(attempt, WEBHOOK_FIELDS) | {"duration_ms": attempt["ms"]}
    if next_at := attempt.get("next_at"):
        detail["next_at"] = rfc3339(next_at)
    return _entry("webhook", attempt["occurred_at"], detail, sequence=attempt["attempt"])


def _entry(
    step: str, at: datetime, detail: Mapping[str, Any] | None = None, kind: str | None = None, sequence: int = 0
) -> dict[str, Any]:
    return {"step": step, "at": at, "detail": detail or {}, "kind": kind or step, "sequence": sequence}


def _some(data: Document, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}


def _unversioned(value: Any) -> Any:
    """Without the versions of the records inside, which tell a reader nothing."""
    if isinstance(value, Mapping):
        return {name: _unversioned(inner) for name, inner in value.items() if name != "v"}
    if isinstance(value, list):
        return [_unversioned(inner) for inner in value]
    return value


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _ms(since: datetime, at: datetime) -> int:
    return round((at - since).total_seconds() * 1000)
