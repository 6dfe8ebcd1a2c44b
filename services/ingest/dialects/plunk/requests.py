"""Requests as Plunk's callers write them: recipients, sender, and data that stays or does not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.ingest.dialects.reading import listed
from services.ingest.faults import Faults
from shared.addresses import InvalidAddressError, Mailbox, parse_mailbox, render_mailbox
from shared.auth import Principal

MOST_ATTACHMENTS = 10
ATTACHMENT_BYTES = 10 * 1024 * 1024
NOT_KEPT = frozenset({"email", "id", "locale", "manageUrl", "subscribed", "subscribeUrl", "unsubscribeUrl"})
"""Variables that every e-mail has; a caller's values of these names are for the e-mail alone."""


@dataclass(frozen=True, slots=True)
class Data:
    """The request's data: what the contact keeps, and what is for this e-mail alone."""

    kept: Mapping[str, Any]
    passing: Mapping[str, Any]


def data_of(given: Any) -> Data:
    """A plain value is kept with the contact; `{"value": …, "persistent": false}` is not."""
    if not isinstance(given, Mapping):
        return Data({}, {})
    kept: dict[str, Any] = {}
    passing: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, Mapping) and "value" in value and isinstance(value.get("persistent", True), bool):
            (kept if value.get("persistent", True) and name not in NOT_KEPT else passing)[name] = value["value"]
        else:
            (passing if name in NOT_KEPT else kept)[name] = value
    return Data(kept, passing)


def recipients_of(given: Any) -> list[Any]:
    """Each recipient as a mailbox's text; what is none stays as it is, to be told by the core."""
    return [_mailbox(each) for each in listed(given) or []]


def _mailbox(given: Any) -> Any:
    """`a@b`, or `{"name": …, "email": …}`."""
    if not isinstance(given, Mapping):
        return given
    address, name = given.get("email"), given.get("name")
    if not isinstance(address, str) or not isinstance(name, str) or not name.strip():
        return address
    return _named(address, name)


def _named(address: str, name: str) -> str:
    try:
        mailbox = parse_mailbox(address, smtputf8=True)
    except InvalidAddressError:
        return address
    return render_mailbox(Mailbox(name.strip(), mailbox.address))


def sender_of(given: Mapping[str, Any], principal: Principal) -> Any:
    """The `from`; `name` is its display name where it has none. None where a template may know one."""
    sender = _mailbox(given.get("from"))
    if sender is None and given.get("template") is None:
        sender = principal.workspace.default_sender
    name = given.get("name")
    if isinstance(sender, str) and "<" not in sender and isinstance(name, str) and name.strip():
        return _named(sender, name)
    return sender


def core_fields(given: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
    """The core's fields of one e-mail, but its recipient and its data."""
    attachments = given.get("attachments")
    tracking = given.get("tracking")
    return {
        "from": sender_of(given, principal),
        "subject": given.get("subject"),
        "html": given.get("body"),
        "reply_to": given.get("reply") or None,
        "template": given.get("template"),
        "headers": given.get("headers"),
        "attachments": [_file(each) for each in attachments] if isinstance(attachments, list) else attachments,
        "tracking": {"opens": tracking, "clicks": tracking} if isinstance(tracking, bool) else tracking,
    }


def check_limits(given: Mapping[str, Any], faults: Faults) -> None:
    """What Plunk takes at most of attachments."""
    attachments = given.get("attachments")
    if not isinstance(attachments, list):
        return
    if len(attachments) > MOST_ATTACHMENTS:
        faults.add("#/attachments", "too_many", f"At most {MOST_ATTACHMENTS} attachments.")
    contents = [each.get("content") for each in attachments if isinstance(each, Mapping)]
    if sum(len(each) * 3 // 4 for each in contents if isinstance(each, str)) > ATTACHMENT_BYTES:
        faults.add("#/attachments", "too_many_bytes", f"At most {ATTACHMENT_BYTES} bytes of attachments together.")


def _file(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    known = {"filename": "filename", "content": "content", "contentType": "content_type"}
    return {ours: given[theirs] for theirs, ours in known.items() if given.get(theirs) is not None}
