"""Why an address is suppressed, in a sentence, and what can be done about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.suppression.console.words import reason_said
from services.suppression.rules import GUARDED, Reason

Entry = Mapping[str, Any]

LIMITS = {
    "mailbox_full": "Several messages to it ended by a full mailbox",
    "connection": "Several messages to it expired, as its host could not be reached",
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


def sentence_of(entry: Entry) -> str:
    """What happened: of mail the host's word, of people theirs. `entry` is as the API shows it."""
    evidence, cause = entry["evidence"], entry["cause"]
    said = f": “{evidence['reply']}”" if evidence.get("reply") else ""
    if cause == Reason.SOFT_BOUNCE_LIMIT:
        return f"{LIMITS.get(str(evidence.get('class')), 'Several messages to it could not be delivered')}{said}."
    meaning = reason_said(cause).meaning
    if said:
        return f"{meaning.removesuffix('.')}{said}."
    if entry["reason"] != cause:
        return f"{meaning} The note says: “{entry['reason']}”."
    return meaning


def advice_of(entry: Entry) -> str:
    return ADVICE[entry["cause"]]


def is_guarded(entry: Entry) -> bool:
    """Whether only an admin who says why may remove it."""
    return entry["cause"] in GUARDED
