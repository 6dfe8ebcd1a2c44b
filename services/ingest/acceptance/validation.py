"""What a sending request must be (RFC 5322, RFC 5321): pure checks that collect every fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import orjson

from services.ingest.acceptance.files import check_files
from services.ingest.acceptance.header_rules import check_headers, check_tags
from services.ingest.acceptance.send_request import SendRequest
from services.ingest.acceptance.times import Times, check_times
from services.ingest.faults import TOO_LARGE, Faults, pointer_to
from services.ingest.forms import CONTROL, LONGEST_SUBJECT
from services.ingest.store.uploads import File
from shared.addresses import InvalidAddressError, Mailbox, parse_mailbox, render_mailbox
from shared.content import MAX_BYTES
from shared.contracts.entities import Workspace
from shared.contracts.messages import RecipientType

LONGEST_NAME = 200
LARGEST_EXTRAS = 32 * 1024
# Addresses cost time to check: beyond this many a request is refused unread.
MOST_GIVEN = 10
MOST_METADATA = 50
ENCODED = 1.37
METADATA_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

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
    """A request as it will be sent. `sender` is None only beside a fault; `size` is the bytes of subject, bodies and
    attachments before MIME."""

    sender: Mailbox | None
    recipients: list[Recipient]
    reply_to: str | None
    headers: dict[str, str]
    tags: list[str]
    metadata: dict[str, str]
    files: list[File]
    times: Times
    size: int


def check(
    request: SendRequest,
    workspace: Workspace,
    now: datetime,
    life: timedelta,
    faults: Faults,
    uploaded: Sequence[File] = (),
) -> Checked:
    """Checks everything that needs no look-up; `life` is how long a request without `expires_at` lives.

    `uploaded` are the files that came beside the request, which have been checked where they came in.
    """
    utf8 = workspace.smtputf8
    sender = _mailbox("from", request.from_ or "", utf8, faults)
    _check_subject(request.subject or "", faults)
    _check_bodies(request, faults)
    recipients = _recipients(request, workspace, faults)
    reply_to = _mailbox("reply_to", request.reply_to, utf8, faults) if request.reply_to is not None else None
    headers, header_tags = check_headers(request.headers or {}, faults)
    tags = check_tags(request.tags or [], header_tags, faults) if request.tags or header_tags else []
    metadata = request.metadata or {}
    _check_metadata(metadata, faults)
    if headers or tags or metadata:
        _check_extras(request, headers, tags, metadata, faults)
    files = [*check_files(request.attachments or [], faults), *uploaded]
    return Checked(
        sender=sender,
        recipients=recipients,
        reply_to=render_mailbox(reply_to) if reply_to else None,
        headers=headers,
        tags=tags,
        metadata=metadata,
        files=files,
        times=check_times(request.scheduled_at, request.expires_at, now, life, faults),
        size=_check_size(request, files, workspace, faults),
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


def _check_size(request: SendRequest, files: Sequence[File], workspace: Workspace, faults: Faults) -> int:
    """The bytes of subject, bodies and files. The limit is on the message as encoded: base64 takes 1.37 times as much.

    The bodies have to fit into one document, whatever the workspace may send.
    """
    sizes = {name: _bytes(getattr(request, name)) for name in ("html", "text")}
    sizes["attachments"] = sum(file.size for file in files)
    size = sum(sizes.values()) + _bytes(request.subject)
    too_large = size * ENCODED > workspace.max_message_bytes
    if too_large or size - sizes["attachments"] > MAX_BYTES:
        most = workspace.max_message_bytes if too_large else MAX_BYTES
        for name, taken in sizes.items():
            if taken:
                faults.add(pointer_to(name), TOO_LARGE, f"The message would be over {most} bytes.")
    return size


def _bytes(text: str | None) -> int:
    if not text:
        return 0
    return len(text) if text.isascii() else len(text.encode())
