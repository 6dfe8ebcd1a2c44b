"""What a sending request must be (RFC 5322, RFC 5321): pure checks that collect every fault."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import orjson

from services.ingest.acceptance.faults import TOO_LARGE, Faults, pointer_to
from services.ingest.acceptance.header_rules import CONTROL, check_headers, check_tags
from services.ingest.acceptance.send_request import SendRequest
from shared.addresses import InvalidAddressError, Mailbox, parse_mailbox, render_mailbox
from shared.content import MAX_BYTES
from shared.contracts.entities import Workspace
from shared.contracts.messages import RecipientType

LONGEST_SUBJECT = 998
LONGEST_NAME = 200
LARGEST_EXTRAS = 32 * 1024
LONGEST_LIFE = timedelta(days=7)
# Addresses cost time to check: beyond this many a request is refused unread.
MOST_GIVEN = 10
MOST_METADATA = 50
METADATA_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")

# The same few senders come again and again, and checking one takes tens of microseconds.
_known_mailbox = lru_cache(maxsize=4096)(parse_mailbox)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One unique recipient: where the message goes, and how its To or Cc shows it."""

    address: str
    type: RecipientType
    mailbox: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A request as it will be sent. `sender` is None only beside a fault; `size` is the bytes of subject and bodies."""

    sender: Mailbox | None
    recipients: list[Recipient]
    reply_to: str | None
    headers: dict[str, str]
    tags: list[str]
    metadata: dict[str, str]
    expires_at: datetime
    size: int


def check(request: SendRequest, workspace: Workspace, now: datetime, life: timedelta, faults: Faults) -> Checked:
    """Checks everything that needs no look-up; `life` is how long a request without `expires_at` lives."""
    utf8 = workspace.smtputf8
    sender = _mailbox("from", request.from_, utf8, faults)
    _check_subject(request.subject, faults)
    _check_bodies(request, faults)
    recipients = _recipients(request, workspace, faults)
    reply_to = _mailbox("reply_to", request.reply_to, utf8, faults) if request.reply_to is not None else None
    headers, header_tags = check_headers(request.headers or {}, faults)
    tags = check_tags(request.tags or [], header_tags, faults) if request.tags or header_tags else []
    metadata = request.metadata or {}
    _check_metadata(metadata, faults)
    if headers or tags or metadata:
        _check_extras(request, headers, tags, metadata, faults)
    return Checked(
        sender=sender,
        recipients=recipients,
        reply_to=render_mailbox(reply_to) if reply_to else None,
        headers=headers,
        tags=tags,
        metadata=metadata,
        expires_at=_expires_at(request.expires_at, now, life, faults),
        size=_check_size(request, workspace, faults),
    )


def _mailbox(name: str, text: str, utf8: bool, faults: Faults) -> Mailbox | None:
    if not text.strip():
        faults.add(pointer_to(name), "required", f"`{name}` may not be empty.")
        return None
    try:
        return _checked_name(_known_mailbox(text, smtputf8=utf8))
    except InvalidAddressError as error:
        faults.add(pointer_to(name), "invalid_address", f"`{name}` {_sentence(error)}")
        return None


def _sentence(error: InvalidAddressError) -> str:
    return f"{str(error).rstrip('.')}."


def _checked_name(mailbox: Mailbox) -> Mailbox:
    if mailbox.name and (len(mailbox.name) > LONGEST_NAME or CONTROL.search(mailbox.name)):
        raise InvalidAddressError(f"has a name with line breaks, or of more than {LONGEST_NAME} characters")
    return mailbox


def _check_subject(subject: str, faults: Faults) -> None:
    if not subject.strip():
        faults.add("#/subject", "required", "`subject` may not be empty.")
    elif CONTROL.search(subject):
        faults.add("#/subject", "line_break", "`subject` may not contain line breaks or control characters.")
    elif len(subject) > LONGEST_SUBJECT:
        faults.add("#/subject", "too_long", f"`subject` may be at most {LONGEST_SUBJECT} characters long.")


def _check_bodies(request: SendRequest, faults: Faults) -> None:
    if not request.html and not request.text and not faults.concern("html", "text"):
        faults.add("#/html", "required", "`html` is required when `text` is not given.")
        faults.add("#/text", "required", "`text` is required when `html` is not given.")


def _recipients(request: SendRequest, workspace: Workspace, faults: Faults) -> list[Recipient]:
    """Every address once, without regard to case: the first of to, cc, bcc wins."""
    lists = ((RecipientType.TO, request.to), (RecipientType.CC, request.cc), (RecipientType.BCC, request.bcc))
    most = workspace.max_recipients
    if sum(len(given or ()) for _, given in lists) > most * MOST_GIVEN:
        _tell_too_many(lists, most, faults)
        return []
    found: dict[str, Recipient] = {}
    for type_, given in lists:
        for place, text in enumerate(given or ()):
            try:
                mailbox = _checked_name(parse_mailbox(text, smtputf8=workspace.smtputf8))
            except InvalidAddressError as error:
                faults.add(pointer_to(type_, place), "invalid_address", f"`{type_}.{place}` {_sentence(error)}")
                continue
            folded = mailbox.address.lower()
            if folded not in found:
                found[folded] = Recipient(mailbox.address, type_, render_mailbox(mailbox))
    if len(found) > most:
        _tell_too_many(lists, most, faults)
    if not found and not faults.concern("to", "cc", "bcc"):
        faults.add("#/to", "required", "At least one recipient is required over `to`, `cc` and `bcc`.")
    return list(found.values())


def _tell_too_many(lists: tuple[tuple[RecipientType, list[str] | None], ...], most: int, faults: Faults) -> None:
    for type_, given in lists:
        if given:
            faults.add(
                pointer_to(type_), "too_many_recipients", f"At most {most} recipients over `to`, `cc` and `bcc`."
            )


def _check_metadata(metadata: dict[str, str], faults: Faults) -> None:
    if len(metadata) > MOST_METADATA:
        faults.add("#/metadata", "too_many", f"`metadata` may hold at most {MOST_METADATA} names.")
        return
    for name in metadata:
        if not METADATA_NAME.fullmatch(name):
            faults.add(
                pointer_to("metadata", name), "invalid_name", "A name holds 1 to 64 letters, digits, `_` and `-`."
            )


def _check_extras(
    request: SendRequest, headers: dict[str, str], tags: list[str], metadata: dict[str, str], faults: Faults
) -> None:
    """Tags and metadata travel on every record of the message, so what they take there is bounded."""
    if len(orjson.dumps((headers, tags, metadata))) <= LARGEST_EXTRAS:
        return
    for name in ("headers", "tags", "metadata"):
        if getattr(request, name):
            faults.add(pointer_to(name), TOO_LARGE, "`headers`, `tags` and `metadata` may take 32 KiB together.")


def _expires_at(text: str | None, now: datetime, life: timedelta, faults: Faults) -> datetime:
    if text is None:
        return now + life
    moment = _parse_time(text)
    if moment is None:
        faults.add("#/expires_at", "invalid_time", "`expires_at` must be an RFC 3339 time with its offset.")
    elif moment <= now:
        faults.add("#/expires_at", "in_the_past", "`expires_at` must be in the future.")
    elif moment > now + LONGEST_LIFE:
        faults.add("#/expires_at", "too_late", f"`expires_at` may be at most {LONGEST_LIFE.days} days ahead.")
    else:
        return moment
    return now + life


def _parse_time(text: str) -> datetime | None:
    if not RFC3339.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _check_size(request: SendRequest, workspace: Workspace, faults: Faults) -> int:
    """The bytes of subject and bodies. The limit is on the message as encoded: base64 takes 1.37 times as much."""
    sizes = {name: _bytes(getattr(request, name)) for name in ("html", "text")}
    size = sum(sizes.values()) + _bytes(request.subject)
    most = min(workspace.max_message_bytes, MAX_BYTES)
    if size > MAX_BYTES or size * 1.37 > workspace.max_message_bytes:
        for name, taken in sizes.items():
            if taken:
                faults.add(pointer_to(name), TOO_LARGE, f"The message would be over {most} bytes.")
    return size


def _bytes(text: str | None) -> int:
    if not text:
        return 0
    return len(text) if text.isascii() else len(text.encode())
