"""Requests as Plunk's callers write them: recipients, sender, and data that stays or does not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.ingest.contacts.attributes import attributes_full
from services.ingest.contacts.changes import UNCHANGED, ContactChange
from services.ingest.faults import TOO_LARGE, Faults, pointer_to
from services.ingest.templates.template import Template
from shared.addresses import InvalidAddressError, Mailbox, parse_mailbox, render_mailbox
from shared.errors import Fault, ProblemError, invalid_request

MOST_ATTACHMENTS = 10
ATTACHMENT_BYTES = 10 * 1024 * 1024
FILE_FIELDS = {"filename": "filename", "content": "content", "contentType": "content_type"}
RESERVED = frozenset(
    {
        "data",
        "email",
        "id",
        "manageUrl",
        "plunk_email",
        "plunk_id",
        "subscribed",
        "subscribeUrl",
        "unsubscribeUrl",
    }
)
"""Variables that every e-mail has; a caller's values of these names are left out."""


@dataclass(frozen=True, slots=True)
class Data:
    """The request's data: what the contact keeps, and what is for this e-mail alone."""

    kept: Mapping[str, Any]
    passing: Mapping[str, Any]

    def with_name(self, name: str | None) -> Data:
        """The data of one recipient, whose name is kept as well."""
        return self if name is None else Data({**self.kept, "name": name}, self.passing)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One of `to`: its mailbox as a text (what is none stays as it is, to be told by the core), its name, and the
    pointer to it."""

    mailbox: Any
    name: str | None
    pointer: str

    @property
    def address(self) -> str:
        """Empty where there is none."""
        try:
            return parse_mailbox(self.mailbox, smtputf8=True).address if isinstance(self.mailbox, str) else ""
        except InvalidAddressError:
            return ""


def data_of(given: Any) -> Data:
    """A plain value is kept with the contact; `{"value": …, "persistent": false}` is not, nor is an empty text."""
    kept: dict[str, Any] = {}
    passing: dict[str, Any] = {}
    for name, value in (given if isinstance(given, Mapping) else {}).items():
        if name in RESERVED:
            continue
        stays = value != ""
        if isinstance(value, Mapping) and "value" in value and isinstance(value.get("persistent"), bool):
            stays, value = value["persistent"], value["value"]
        (kept if stays else passing)[name] = value
    return Data(kept, passing)


def change_of(address: str, data: Data, subscribed: bool | None, *, new_subscribed: bool) -> ContactChange:
    """What becomes of a contact: null takes a value away, and who is known stays subscribed or not unless told."""
    return ContactChange(
        address,
        attributes={name: value for name, value in data.kept.items() if value is not None},
        removed=[name for name, value in data.kept.items() if value is None],
        subscribed=UNCHANGED if subscribed is None else subscribed,
        new_subscribed=new_subscribed,
    )


def data_full() -> ProblemError:
    """422: the contact has no room for so much data."""
    return invalid_request([Fault("#/data", TOO_LARGE, attributes_full())])


def recipients_of(given: Any) -> list[Recipient]:
    """The recipients of `to`: `a@b`, `{"name": …, "email": …}`, or several of both."""
    if not isinstance(given, list):
        return [_recipient(given, pointer_to("to"))]
    several = [_recipient(each, pointer_to("to", place)) for place, each in enumerate(given)]
    return several or [_recipient(None, pointer_to("to"))]


def _recipient(given: Any, pointer: str) -> Recipient:
    address, name = _parts(given)
    return Recipient(_named(address, name), name, pointer)


def _parts(given: Any) -> tuple[Any, str | None]:
    """The address, and the name where there is one."""
    if not isinstance(given, Mapping):
        return given, None
    return given.get("email"), _name(given.get("name"))


def _name(given: Any) -> str | None:
    return given.strip() if isinstance(given, str) and given.strip() else None


def _named(address: Any, name: str | None) -> Any:
    """The mailbox with its name; an address that is none, or has a name of its own, stays as it is."""
    if name is None or not isinstance(address, str):
        return address
    try:
        mailbox = parse_mailbox(address, smtputf8=True)
    except InvalidAddressError:
        return address
    return render_mailbox(Mailbox(mailbox.name or name, mailbox.address))


def sender_of(given: Mapping[str, Any], template: Template | None, default: str | None) -> Any:
    """Who the e-mail is from: the request, else the template, else the workspace's own sender; and under which name:
    that of `from`, else `name`, else the template's."""
    address, name = _parts(given.get("from"))
    name = name or _name(given.get("name")) or (template.from_name if template else None)
    return _named(address or (template.from_ if template else None) or default, name)


def core_fields(given: Mapping[str, Any], sender: Any) -> dict[str, Any]:
    """The core's fields of one e-mail, but its recipient and its data."""
    attachments = given.get("attachments")
    headers, tracking = given.get("headers"), given.get("tracking")
    return {
        "from": sender,
        "subject": given.get("subject"),
        "html": given.get("body"),
        "reply_to": given.get("reply") or None,
        "template": given.get("template"),
        "headers": dict(headers) if isinstance(headers, Mapping) else headers,  # the core empties what is at fault
        "attachments": [_file(each) for each in attachments] if isinstance(attachments, list) else attachments,
        "tracking": {"opens": tracking, "clicks": tracking} if isinstance(tracking, bool) else tracking,
    }


def _file(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    file = {ours: given[theirs] for theirs, ours in FILE_FIELDS.items() if given.get(theirs) is not None}
    if given.get("disposition") == "inline":
        file["content_id"] = given.get("contentId")
    return file


def check_contact(given: Mapping[str, Any], faults: Faults) -> None:
    """What a request says of a contact."""
    if not isinstance(given.get("subscribed"), bool | None):
        faults.add("#/subscribed", "wrong_type", "`subscribed` must be true or false.")
    data = given.get("data")
    if not isinstance(data, dict | None):
        faults.add("#/data", "wrong_type", "`data` must be an object.")
    elif data is not None and not isinstance(data.get("locale"), str | None):
        faults.add("#/data/locale", "wrong_type", "`locale` must be a string.")


def check_files(given: Any, faults: Faults) -> None:
    """What Plunk takes at most of attachments, and that each names its type."""
    files = given if isinstance(given, list) else []
    if len(files) > MOST_ATTACHMENTS:
        faults.add("#/attachments", "too_many", f"At most {MOST_ATTACHMENTS} attachments.")
    if sum(map(_bytes_of, files)) > ATTACHMENT_BYTES:
        faults.add("#/attachments", "too_many_bytes", f"At most {ATTACHMENT_BYTES} bytes of attachments together.")
    for place, file in enumerate(files):
        if isinstance(file, Mapping) and file.get("contentType") is None:
            faults.add(pointer_to("attachments", place, "content_type"), "required", "`contentType` is required.")


def _bytes_of(file: Any) -> int:
    """How much a file's base64 stands for."""
    content = file.get("content") if isinstance(file, Mapping) else None
    return len(content) * 3 // 4 - content[-2:].count("=") if isinstance(content, str) else 0
