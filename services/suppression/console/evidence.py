"""Why an address is suppressed, in a sentence, and what can be done about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.suppression.console.words import reason_said
from services.suppression.rules import GUARDED, Reason

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence of ours, and what somebody else said: who, and their words."""

    sentence: str
    who: str | None = None
    words: str | None = None


LIMITS = {
    "mailbox_full": "Several messages to it ended by a full mailbox.",
    "connection": "Several messages to it expired, as its host could not be reached.",
}
ADVICE: Mapping[str, str] = {
    Reason.ERASURE: "Only a keyed hash of the address is kept, which goes on blocking. To write to this person again, "
    "have the entry removed by somebody with the scope admin.",
    Reason.COMPLAINT: "Leave it, unless the person asks for mail again: complaints hurt the delivery of all mail.",
    Reason.MANUAL: "Remove it once the reason is over.",
    Reason.UNSUBSCRIBE: "Remove it only when the person asks for this mail again.",
    Reason.HARD_BOUNCE: "Look for a typing error in the address. If the mailbox exists by now, remove the entry; "
    "a further refusal puts it back.",
    Reason.INACTIVE: "Ask for another address, or remove the entry when the mailbox is in use again.",
    Reason.INVALID_DOMAIN: "Look for a typing error behind the @. Remove the entry when the domain takes mail again.",
    Reason.SOFT_BOUNCE_LIMIT: "Nothing has to be done: it ends by itself. Remove it to try again now.",
}


def told_by(entry: Entry) -> Told:
    """What happened: of mail with its host's words, of people with theirs. `entry` is as the API shows it."""
    evidence, cause = entry["evidence"], entry["cause"]
    meaning = reason_said(cause).meaning
    if cause == Reason.SOFT_BOUNCE_LIMIT:
        meaning = LIMITS.get(str(evidence.get("class")), meaning)
    if evidence.get("reply"):
        return Told(meaning, "The host said", str(evidence["reply"]))
    if entry["reason"] != cause:
        return Told(meaning, "The note says", str(entry["reason"]))
    return Told(meaning)


def advice_of(entry: Entry) -> str:
    return ADVICE[entry["cause"]]


def is_guarded(entry: Entry) -> bool:
    """Whether only an admin who says why may remove it."""
    return entry["cause"] in GUARDED
