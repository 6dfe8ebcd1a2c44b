"""What is left of a person's mail once their data was erased. Pure: no Kafka, Mongo or clock.

An address becomes `<its HMAC>@erased.invalid` (RFC 2606 section 2), so that ids, counts and the fold over events stay
whole. Of an event there are left its type, times, codes and the way that it took: whatever somebody wrote (a host's
reply, a transcript, a reason in words, metadata) may name the person, and goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import idna

from shared.contracts.events import Event
from shared.contracts.messages import Message, Verdict, VerdictKind
from shared.secrets import address_hmac

DOMAIN = "erased.invalid"
REASON = "erasure"
CODE = re.compile(r"[a-z0-9_.-]{1,64}")

CODES = (
    "code", "enhanced", "class", "hard", "stage", "rule", "reason", "scope", "next_at", "policy", "oob", "machine",
    "machine_reason", "method", "feedback_type", "action", "timings", "seen", "content_id",
)  # fmt: skip
EMPTIED = ("reply",)
ROUTE = (
    "transport", "transport_version", "kind", "tls", "rollup", "stand_in", "rule", "rule_version", "candidates",
    "decided_at",
)  # fmt: skip
VERDICT = ("kind", "reason", "scope", "by", "checked_at", "until")


def erased_address(digest: str) -> str:
    """What stands where the address stood."""
    return f"{digest}@{DOMAIN}"


def is_erased(address: str) -> bool:
    return address.endswith(f"@{DOMAIN}")


def hmac_of_erased(address: str) -> str:
    """The HMAC that stands where the address of an erased person stood."""
    return address.partition("@")[0]


def tells_of_erased(body: bytes) -> bool:
    """Whether a webhook's body is of an erased person: its endpoint may know them by the message's id, and say so."""
    return f"@{DOMAIN}".encode() in body


def person_hmac(pepper: bytes, address: str) -> str:
    """The HMAC of an address, also of one that was erased."""
    return hmac_of_erased(address) if is_erased(address) else address_hmac(pepper, address)


def redacted_event(event: Event, digest: str) -> Event:
    """An event of an erased person's message; the same for what was redacted before."""
    return event.with_changes(
        recipient=erased_address(digest),
        tags=[redacted_tag(tag, event.recipient) for tag in event.tags],
        metadata={},
        data=redacted_data(event.data),
    )


def redacted_message(message: Message, digest: str, now: datetime) -> Message:
    """An erased person's message without its way and what was said of it, with the verdict that it is not to be sent.

    Whoever finds it first stops it: no stage after it gives a message another verdict.
    """
    verdict = Verdict(kind=VerdictKind.SUPPRESSED, reason=REASON, by="suppression", checked_at=now)
    return message.with_changes(
        recipient=erased_address(digest),
        tags=[redacted_tag(tag, message.recipient) for tag in message.tags],
        metadata={},
        last=None,
        reroute=None,
        route=None,
        verdict=verdict,
    )


def redacted_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """An event's data without words: a field of codes that holds something else is empty."""
    kept: dict[str, Any] = {name: coded(data[name]) for name in CODES if name in data}
    kept |= {name: "" for name in EMPTIED if name in data}
    for name, parts in (("route", ROUTE), ("verdict", VERDICT)):
        if isinstance(part := data.get(name), Mapping):
            kept[name] = {each: part[each] for each in parts if each in part}
    return kept


def coded(value: Any) -> Any:
    """A number, a code or a time as it is; of anything else nothing."""
    if isinstance(value, Mapping):
        return {name: coded(each) for name, each in value.items()}
    if isinstance(value, str):
        return value if CODE.fullmatch(value) or _is_time(value) else ""
    return value if value is None or isinstance(value, int | float) else ""


def redacted_tag(tag: str, address: str) -> str:
    """A tag, which says what a mail is, and not to whom: one with the address in it is `erased`."""
    return "erased" if names(tag, address) else tag


def names(text: str, address: str) -> bool:
    """Whether the address stands in a text, in whatever case and however it is written."""
    return any(each.lower() in text.lower() for each in _written(address))


def replaced(text: str, address: str, digest: str, *, whole: bool = False) -> str:
    """A text with the address replaced, in whatever case and however it is written; `whole` spares longer addresses
    that end or begin like it."""
    before, after = (r"(?<![\w.!#$&'*+/=?^`{|}~-])", r"(?![\w-]|\.\w)") if whole else ("", "")
    for each in _written(address):
        text = re.sub(before + re.escape(each) + after, erased_address(digest), text, flags=re.IGNORECASE)
    return text


def _written(address: str) -> Iterable[str]:
    """An address with the A-labels of its domain, or its U-labels (RFC 5890), each also as URLs write it."""
    local, _, domain = address.rpartition("@")
    try:
        shown = idna.decode(domain)
    except idna.IDNAError:
        shown = domain
    either = (address, f"{local}@{shown}")
    return dict.fromkeys(each for one in either for each in (one, one.replace("@", "%40"), quote(one, safe="")))


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
