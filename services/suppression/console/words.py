"""Reasons, scopes and origins as a page says them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.suppression.rules import Reason


@dataclass(frozen=True, slots=True)
class Said:
    """A reason: in a word or three, in the console's tone, and what it means."""

    title: str
    tone: str
    meaning: str


REASONS: Mapping[str, Said] = {
    Reason.ERASURE: Said("Erased", "mute", "The data of the person behind it was erased."),
    Reason.COMPLAINT: Said("Complaint", "bad", "Its owner reported a message as spam."),
    Reason.MANUAL: Said("Manual", "calm", "Somebody put it on the list."),
    Reason.UNSUBSCRIBE: Said("Unsubscribed", "calm", "Its owner wants no more mail of this kind."),
    Reason.HARD_BOUNCE: Said("No such mailbox", "warn", "Its host says that there is no such mailbox."),
    Reason.INACTIVE: Said("Mailbox not in use", "warn", "Its host says that nobody uses the mailbox any more."),
    Reason.INVALID_DOMAIN: Said("Domain takes no mail", "warn", "Its domain takes no mail."),
    Reason.SOFT_BOUNCE_LIMIT: Said("Bounced too often", "warn", "Several messages to it could not be delivered."),
}
ORIGINS = {
    "api": "API or console",
    "event": "mail",
    "import": "a file",
    "operator": "the operator",
}
CONSOLE_USER = "console:"


def reason_said(cause: str) -> Said:
    return REASONS[cause]


def stops(entry: Mapping[str, Any]) -> str:
    """What mail an entry (as the API shows it) stops."""
    if entry["scope"] == "domain":
        return f"Mail from {entry['domain']}"
    if entry["scope"] == "stream":
        return f"Mail of the stream {entry['stream']}"
    return "All mail, of every workspace" if entry["scope"] == "platform" else "All mail"


def origin_said(origin: str) -> str:
    return ORIGINS[origin]


def note_of(entry: Mapping[str, Any]) -> str | None:
    """What is worth reading beside an entry in a list: somebody's words, else the host's."""
    if entry["reason"] != entry["cause"]:
        return str(entry["reason"])
    reply = entry["evidence"].get("reply")
    return None if reply is None else str(reply)
