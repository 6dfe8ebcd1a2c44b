"""A message's bytes from its content (RFC 5322, RFC 2045, RFC 2046).

Written directly, as `email.message` takes some ten times as long; it is the oracle in the tests.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from shared.content import Content
from shared.mail.headers import ComposeError, address_of, field, mailboxes
from shared.mail.lines import check_lines
from shared.mail.mime import message_tree

_OURS = frozenset(
    {
        "bcc",
        "cc",
        "content-transfer-encoding",
        "content-type",
        "date",
        "dkim-signature",
        "from",
        "message-id",
        "mime-version",
        "received",
        "reply-to",
        "return-path",
        "subject",
        "to",
    }
)


def compose(content: Content, *, message_id: str, date: datetime) -> bytes:
    """The whole message, unsigned: CRLF lines of at most 998 bytes, the same bytes for the same arguments.

    `message_id` is the left side of the Message-ID, the sender's domain its right; `date` is aware. Every recipient of
    a request sees the same To and Cc. A whole message from a caller is taken as it is. Raises ComposeError for content
    that cannot be made into a message.
    """
    if content.raw is not None:
        assert content.raw.data is not None
        message = content.raw.data
    else:
        tree = message_tree(content, message_id)
        message = b"".join((*_headers(content, message_id, date), tree.headers, b"\r\n", *tree.body))
        if not message.endswith(b"\r\n"):
            message += b"\r\n"
    try:
        check_lines(message)
    except ValueError as error:
        raise ComposeError(str(error)) from error
    return message


def needs_smtputf8(content: Content, recipient: str) -> bool:
    """Whether an address on the envelope or in a header has a local part that only RFC 6531 can carry."""
    reply_to = (content.reply_to,) if content.reply_to else ()
    addresses = map(address_of, (content.from_, *reply_to, *content.to, *content.cc))
    return not (recipient.isascii() and all(map(str.isascii, addresses)))


def _headers(content: Content, message_id: str, date: datetime) -> list[bytes]:
    domain = address_of(content.from_).rpartition("@")[2]
    fields = [
        field("Message-ID", f"<{message_id}@{domain}>"),
        field("Date", format_datetime(date.astimezone(UTC))),
        mailboxes("From", [content.from_]),
    ]
    if content.reply_to:
        fields.append(mailboxes("Reply-To", [content.reply_to]))
    fields.append(mailboxes("To", content.to) if content.to else b"To: undisclosed-recipients:;\r\n")
    if content.cc:
        fields.append(mailboxes("Cc", content.cc))
    fields.append(field("Subject", content.subject, encode_long_words=True))
    names = {name.lower() for name in content.headers}
    if names & _OURS:
        raise ComposeError(f"{', '.join(sorted(names & _OURS))} cannot be set by a caller's header")
    fields += [field(name, value) for name, value in content.headers.items()]
    if "auto-submitted" not in names:
        fields.append(b"Auto-Submitted: auto-generated\r\n")
    fields.append(b"MIME-Version: 1.0\r\n")
    return fields
