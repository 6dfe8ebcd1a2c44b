"""What happened to a message: attempts, events without one, and webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.ingest.projection.narration.decisions import WAITS, suppressed_by
from services.ingest.projection.narration.wording import kind, place_of, said, short, spoken, until

Entry = Mapping[str, Any]
Data = Mapping[str, Any]

FAILURES = {
    "expired": "its time was up",
    "no_route": "there is no way to send it",
    "no_transport": "none of its transports can be used",
    "bounced": "somebody asked for its end",
    "content_gone": "its content is there no more",
}


def attempt(entry: Entry) -> str:
    """One SMTP attempt: where, what was said, what follows."""
    host, address = entry.get("host"), entry.get("ip")
    at = f" at {host}" if host else ""
    if address and address != host:
        at += f" [{address}]"
    subject, next_at = f"Attempt {entry.get('attempt')}{at}", until(entry, "next_at", "; the next is due at")
    match entry.get("event"):
        case "delivered":
            return f"{subject} delivered it{said(entry)}."
        case "relayed":
            return f"{subject} handed it to the smart host{said(entry)}."
        case "deferred":
            return f"{subject} was deferred{said(entry)}{kind(entry)}{next_at}."
        case "bounced":
            return f"{subject} was refused, and there is no other{said(entry)}{kind(entry)}."
        case "ambiguous":
            then = next_at or "; it is not sent again"
            return f"{subject} lost its answer: the message may have arrived, or not{said(entry)}{then}."
        case "failed":
            return f"{subject} was the last{said(entry)}{kind(entry)}."
        case event:
            return f"{subject}: {spoken(str(event))}{said(entry)}."


def event(entry: Entry) -> str:
    """What happened without an attempt that anything is known of."""
    data: Data = entry.get("data") or {}
    tell = EVENTS.get(str(entry.get("event")))
    return tell(data) if tell else f"{spoken(str(entry.get('event'))).capitalize()}{said(data)}."


def webhook(entry: Entry) -> str:
    """One post to an endpoint."""
    got = entry.get("status") or entry.get("error") or "no reply"
    then = ""
    if not entry.get("ok"):
        then = until(entry, "next_at", "; the next attempt is due at") or "; it is not posted again"
    number = f" (attempt {entry['attempt']})" if entry.get("attempt", 1) > 1 else ""
    place = place_of(entry.get("url"))
    return f"Posted {entry.get('event_type')} to {place}{number}: {got} after {entry.get('duration_ms')} ms{then}."


def _queued(data: Data) -> str:
    reason = str(data.get("reason") or "")
    if reason == "held":
        by = f" by the rule {data['rule']}" if data.get("rule") else ""
        detail = f": {short(str(data['detail']))}" if data.get("detail") else ""
        return f"Held{by}{detail}{until(data, 'until', '; until')}{until(data, 'next_at', '; looked at again at')}."
    why = WAITS.get(reason) or f"It waits: {short(spoken(reason)) or 'for its turn'}"
    return f"{why}{until(data, 'next_at', '; looked at again at')}."


def _failed(data: Data) -> str:
    reason = str(data.get("reason") or "failed")
    why = FAILURES.get(reason, spoken(reason))
    detail = f": {short(str(data['detail']))}" if data.get("detail") else said(data)
    return f"It failed, as {why}{detail}." if reason in FAILURES else f"It failed: {why}{detail}."


def _bounced(data: Data) -> str:
    if data.get("oob"):
        return f"A bounce came back{said(data)}{kind(data)}."
    return f"It bounced before any attempt{said(data)}{kind(data)}."


def _delivered(data: Data) -> str:
    return f"A host reports that it has arrived{said(data)}." if data.get("oob") else f"It was delivered{said(data)}."


def _complained(data: Data) -> str:
    by = f", as {short(str(data['reported_by']))} reports" if data.get("reported_by") else ""
    return f"The recipient complained{by}{_kind_of_complaint(data)}."


def _kind_of_complaint(data: Data) -> str:
    return f" ({spoken(str(data['feedback_type']))})" if data.get("feedback_type") else ""


def _ambiguous(data: Data) -> str:
    then = until(data, "next_at", "; the next attempt is due at") or "; it is not sent again"
    return f"An attempt lost its answer: the message may have arrived, or not{said(data)}{then}."


def _deferred(data: Data) -> str:
    return f"It was deferred{said(data)}{kind(data)}{until(data, 'next_at', '; the next attempt is due at')}."


def _suppressed(data: Data) -> str:
    return f"It ended unsent, as {suppressed_by(data.get('reason'), data.get('scope'))}."


def _by_whom(act: str) -> Callable[[Data], str]:
    return lambda data: f"{'A machine' if data.get('machine') else 'The recipient'} {act}."


EVENTS: dict[str, Callable[[Data], str]] = {
    "queued": _queued,
    "sending": lambda _: "An attempt is under way and takes its time.",
    "stuck": lambda _: "A fault of our own has stopped it; it goes on once that is mended.",
    "ambiguous": _ambiguous,
    "deferred": _deferred,
    "suppressed": _suppressed,
    "failed": _failed,
    "canceled": lambda _: "It was canceled, as somebody had asked.",
    "relayed": lambda data: f"A smart host took it{said(data)}.",
    "delivered": _delivered,
    "bounced": _bounced,
    "complained": _complained,
    "opened": _by_whom("opened it"),
    "clicked": _by_whom("followed a link in it"),
    "replied": _by_whom("replied to it"),
    "read": _by_whom("confirmed that it was read"),
    "unsubscribed": _by_whom("unsubscribed by it"),
    "auto_reply": lambda _: "A machine answered it by itself.",
    "reported": lambda data: f"A host reports: {spoken(str(data.get('action') or 'something'))}{said(data)}.",
}
"""By event type; `accepted` is a step of its own."""
