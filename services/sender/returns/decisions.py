"""What a message that came back means for the one that it is about. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.sender.bounces.model import Rulebook
from services.sender.returns.addresses import Return, ReturnKind
from services.sender.returns.bounce_class import bounced
from services.sender.returns.delivery_status import StatusReport
from services.sender.returns.legacy import UnformattedBounce
from services.sender.returns.reports import AutoReply, Complaint, Mail, Receipt, Report
from shared.contracts.events import Event, EventType, later_event

COMPLAINTS = frozenset({"abuse", "fraud"})
ARRIVED = frozenset({EventType.DELIVERED, EventType.BOUNCED})


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a message that was sent: the `event` last said of it, the `pass_` that it is in, whether it has
    `ended`, the mailbox that replies to it are meant for, the `rollup` that it was sent to."""

    event: Event
    pass_: int
    ended: bool
    answers_to: str | None = None
    rollup: str = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The event that a return becomes; `is_reply` says that its content goes on to the sender of the message."""

    type: EventType
    data: Mapping[str, Any] = field(default_factory=dict)
    is_reply: bool = False


def meaning_of(
    report: Report, kind: ReturnKind | None, last: EventType, rules: Rulebook | None = None, rollup: str = ""
) -> Meaning:
    """What a report means of a message of which `last` was said last. `kind` is the address's that it came to, None
    where that is one for complaints about all messages; a bounce is judged by `rules` (None: our own), for `rollup`."""
    match report:
        case StatusReport():
            return _of_status(report, last, rules, rollup)
        case UnformattedBounce(delayed=True):
            return _noted("delayed", reply=report.text)
        case UnformattedBounce():
            return Meaning(EventType.BOUNCED, bounced(report, rules, rollup).to_data() | {"oob": True})
        case Complaint():
            if report.type not in COMPLAINTS:
                return _noted(report.type.replace("-", "_"), reported_by=report.agent)
            return _complained(report.type, report.agent)
        case Receipt(disposition="displayed"):
            return Meaning(EventType.READ)
        case Receipt():
            return _noted(report.disposition or "unrecognized")
        case AutoReply() | Mail() if kind is None:
            return _complained("abuse", "")  # providers that only forward what was complained about
        case AutoReply():
            return Meaning(EventType.AUTO_REPLY)
        case Mail():
            reply = Meaning(EventType.REPLIED, is_reply=True)
            return reply if kind is ReturnKind.REPLY else _noted("unrecognized")


def event_of_return(identity: Identity, meaning: Meaning, digest: str, now: datetime) -> Event:
    """The event, the same for the same return whenever it comes again. That of a reply names what is kept of it."""
    event = later_event(
        identity.event, meaning.type, now, dict(meaning.data), pass_=identity.pass_, occurrence=f"returned:{digest}"
    )
    return event.with_changes(data={**event.data, "content_id": event.event_id}) if meaning.is_reply else event


def is_valid(identity: Identity, now: datetime, valid: timedelta) -> bool:
    """Whether what comes back counts still: for a time from what was last said of the message on."""
    return now - identity.event.occurred_at <= valid


def named_messages(mentions: tuple[str, ...], read: Callable[[str], Return | None]) -> list[str]:
    """The ids of messages that a complaint mentions, the most certain first: by an address of ours, else by what stands
    before the @ of a Message-ID, which nobody knows but who has got the message."""
    by_address, by_id = [], []
    for mention in mentions:
        for word in mention.replace("<", " ").replace(">", " ").replace(":", " ").split()[:20]:
            name = word.rpartition("@")[0]
            if (found := read(word)) is not None:
                by_address.append(found.message_id)
            elif _is_uuid(name):
                by_id.append(name.lower())
    return list(dict.fromkeys(by_address + by_id))


def _of_status(report: StatusReport, last: EventType, rules: Rulebook | None, rollup: str) -> Meaning:
    hosts = {"reporting_host": report.reporting_host[:255], "remote_host": report.remote_host[:255]}
    told = {name: value for name, value in hosts.items() if value}
    if report.action == "failed":
        return Meaning(EventType.BOUNCED, bounced(report, rules, rollup).to_data() | {"oob": True} | told)
    if report.action == "delivered" and last not in ARRIVED:
        return Meaning(EventType.DELIVERED, {"oob": True, "enhanced": report.status or "2.0.0"} | told)
    return _noted(report.action, enhanced=report.status, reply=report.diagnostic[:1024], **told)


def _complained(kind: str, agent: str) -> Meaning:
    return Meaning(EventType.COMPLAINED, {"feedback_type": kind} | ({"reported_by": agent} if agent else {}))


def _noted(action: str, **more: str) -> Meaning:
    """Something that is told in the trace and changes nothing."""
    return Meaning(EventType.REPORTED, {"action": action} | {name: value for name, value in more.items() if value})


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and all(
        character in "0123456789abcdefABCDEF" if place not in (8, 13, 18, 23) else character == "-"
        for place, character in enumerate(text)
    )
