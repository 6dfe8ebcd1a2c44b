"""What a message that came back is, by its form alone. Pure, and total: every message is one of these.

Who it is about stands in the address that it came to; only complaints name it otherwise, as they go to one address for
all messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from services.sender.returns.automatic import is_automatic
from services.sender.returns.delivery_status import StatusReport, status_report
from services.sender.returns.legacy import UnformattedBounce, unformatted_bounce
from services.sender.returns.parts import EMBEDDED, Part, read_fields, read_parts

FEEDBACK = "message/feedback-report"
RECEIPTS = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
LONGEST_BLOCK = 32 * 1024
MOST_RECEIVED = 50
MOST_MENTIONS = 20


@dataclass(frozen=True, slots=True)
class Complaint:
    """A feedback report (RFC 5965). `type` is its Feedback-Type in lower case, `abuse` where it is not said; `agent`
    who made it; `mentions` the values that may name the message, the most certain first."""

    type: str
    agent: str
    mentions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A read receipt (RFC 8098). `disposition` is the type in lower case: `displayed`, `deleted`, …"""

    disposition: str


@dataclass(frozen=True, slots=True)
class AutoReply:
    """A machine's answer (RFC 3834): a vacation notice, a challenge, a list's confirmation."""

    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """Whatever else: as a rule what a person has written."""

    mentions: tuple[str, ...] = ()


Report = StatusReport | UnformattedBounce | Complaint | Receipt | AutoReply | Mail


@dataclass(frozen=True, slots=True)
class Returned:
    """A message that came back.

    `digest`, SHA-256 of Message-ID, Date and body as hex, is the same where it comes again; `circles`
    says that it has passed more hosts than any mail should (RFC 5321 section 6.3).
    """

    report: Report
    digest: str
    circles: bool


def read_report(raw: bytes, sender: str) -> Returned:
    """Reads the content of DATA; `sender` is the envelope's, empty for the null path."""
    message = read_parts(raw)
    identity = f"{message.value('message-id')}\0{message.value('date')}\0".encode() + message.body
    received = sum(name == "received" for name, _ in message.fields)
    return Returned(_report(message, sender), hashlib.sha256(identity).hexdigest(), received > MOST_RECEIVED)


def _report(message: Part, sender: str) -> Report:
    for part in _outside(message):
        if (status := status_report(part)) is not None:
            return status
        if part.media_type == FEEDBACK:
            return _complaint(part, message)
        if part.media_type in RECEIPTS:
            return Receipt(_disposition(part))
    if (bounce := unformatted_bounce(message, sender)) is not None:
        return bounce
    return (AutoReply if is_automatic(message, sender) else Mail)(_mentions(message))


def _outside(message: Part) -> Iterator[Part]:
    """The parts of the report itself: those of messages inside it are about something else."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        yield part
        if part.media_type not in EMBEDDED:
            waiting += reversed(part.parts)


def _complaint(part: Part, message: Part) -> Complaint:
    told = _block(part)
    kind = told.get("feedback-type", "abuse").strip().lower() or "abuse"
    given = [told[name] for name in ("original-mail-from", "original-envelope-id") if name in told]
    return Complaint(kind[:40], told.get("user-agent", "")[:200], (*given, *_mentions(message)))


def _mentions(message: Part) -> tuple[str, ...]:
    """What the messages inside this one say of where they came from and what they are."""
    inside = [part for part in message.walk() if part.media_type in EMBEDDED]
    found = []
    for name in ("return-path", "feedback-id", "message-id"):
        found += [value for holder in inside for part in holder.parts if (value := part.value(name))]
    return tuple(found[:MOST_MENTIONS])


def _disposition(part: Part) -> str:
    """The type behind the modes of `manual-action/MDN-sent-manually; displayed/error` (RFC 8098 section 3.2.6)."""
    text = _block(part).get("disposition", "").rpartition(";")[2]
    return text.partition("/")[0].strip().lower()[:40]


def _block(part: Part) -> dict[str, str]:
    """The fields in a part's body, the first of each name."""
    text = part.text(LONGEST_BLOCK).replace("\n\n", "\n")
    return dict(reversed(read_fields(text.encode())))
