"""A reply as the message that passes it on (RFC 5322). Pure.

It goes out from the sender that was answered, as nobody may sign for the one who wrote it; their name stays, and an
answer goes to them. What they have signed or were told by others on the way does not hold any more and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

from services.ingest.acceptance.mime_headers import HeaderError, one_mailbox
from shared.addresses import Mailbox, render_mailbox
from shared.mail.headers import ComposeError, mailboxes

TAG = "reply"
KEPT = frozenset(
    {
        b"content-description",
        b"content-disposition",
        b"content-id",
        b"content-language",
        b"content-transfer-encoding",
        b"content-type",
        b"date",
        b"importance",
        b"in-reply-to",
        b"message-id",
        b"mime-version",
        b"references",
        b"subject",
        b"thread-index",
        b"thread-topic",
    }
)
REPEATED = b"received"  # what tells a circle
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")


def forwarded(reply: bytes, *, sender: str, target: str, host: str, id_: str, at: datetime, smtputf8: bool) -> bytes:
    """The message (CRLF lines) from `sender` to the mailbox `target`, for the door of whole messages; `host`, `id_` and
    `at` stand in its Received field. Raises ValueError where no header line can hold the mailboxes."""
    blank = reply.find(b"\r\n\r\n")
    header, body = (reply[: blank + 2], reply[blank + 4 :]) if blank >= 0 else (reply, b"")
    fields = list(_fields(header))
    author = next((found for name in (b"reply-to", b"from") if (found := _mailbox(fields, name, smtputf8))), None)
    shown = _mailbox(fields, b"from", smtputf8) or author
    name = (shown.name or shown.address) if shown else None
    written = [
        f"Received: by {host} with ESMTP id {id_}; {format_datetime(at.astimezone(UTC))}\r\n".encode(),
        mailboxes("From", [render_mailbox(Mailbox(name, sender))]),
        mailboxes("To", [target]),
        f"X-Posthorn-Tracking: none\r\nX-Posthorn-Tag: {TAG}\r\n".encode(),
    ]
    if author is not None:
        written.append(mailboxes("Reply-To", [render_mailbox(author)]))
    seen: set[bytes] = set()
    for field_name, field in fields:
        if field_name == REPEATED or (field_name in KEPT and field_name not in seen):
            seen.add(field_name)
            written.append(field)
    return b"".join((*written, b"\r\n", body))


def _fields(header: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The fields by their names in lower case; lines that belong to none are passed over."""
    place = 0
    while place < len(header):
        match = _FIELD.match(header, place)
        if match is not None:
            yield match[1].lower(), match[0]
        place = match.end() if match else header.find(b"\n", place) + 1 or len(header)


def _mailbox(fields: list[tuple[bytes, bytes]], name: bytes, smtputf8: bool) -> Mailbox | None:
    """The one mailbox of a field; None where it has none that all readers would agree on."""
    for each, field in fields:
        if each == name:
            text = field.partition(b":")[2].replace(b"\r\n", b"").decode("utf-8", "replace").strip()
            try:
                found = one_mailbox(name.decode(), text, smtputf8=smtputf8)
                mailboxes("Reply-To", [render_mailbox(found)])
            except (HeaderError, ComposeError):
                return None
            return found
    return None
