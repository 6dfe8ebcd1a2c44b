"""A message's bytes from its content (RFC 5322, RFC 2045, RFC 2046).

Written directly, as `email.message` takes some ten times as long; it is the oracle in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from shared.content import Content
from shared.mail.headers import ComposeError, address_of, field, mailboxes
from shared.mail.lines import check_lines
from shared.mail.mime import Piece, message_tree

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


@dataclass(frozen=True, slots=True)
class Composed:
    """A message that was made, not signed: its header with the empty line after it, and its body in pieces."""

    header: bytes
    body: Sequence[Piece]

    def whole_body(self) -> bytes:
        """The body's bytes; all of it has to be in memory."""
        pieces = [piece for piece in self.body if isinstance(piece, bytes)]
        assert len(pieces) == len(self.body)
        return b"".join(pieces)


def compose(content: Content, *, message_id: str, date: datetime) -> bytes:
    """The whole message as `compose_parts` makes it, of a content that is in memory. Raises ComposeError."""
    composed = compose_parts(content, message_id=message_id, date=date)
    message = composed.header + composed.whole_body()
    try:
        check_lines(message)
    except ValueError as error:
        raise ComposeError(str(error)) from error
    return message


def compose_parts(content: Content, *, message_id: str, date: datetime) -> Composed:
    """The message with CRLF lines, the same bytes for the same arguments; its lines are not checked.

    `message_id` is the left side of the Message-ID, the sender's domain its right; `date` is aware. Every recipient of
    a request sees the same To and Cc. A whole message from a caller is taken as it is. Files whose bytes are left in
    the store are pieces of the body. Raises ComposeError for content that cannot be made into a message.
    """
    if content.raw is not None:
        assert content.raw.data is not None
        header, body = split_message(content.raw.data)
        return Composed(header, (body,))
    tree = message_tree(content, message_id)
    header = b"".join((*_headers(content, message_id, date), tree.headers, b"\r\n"))
    last = next((piece for piece in reversed(tree.body) if piece), b"\r\n")
    is_ended = isinstance(last, bytes) and last.endswith(b"\r\n")
    return Composed(header, tree.body if is_ended else (*tree.body, b"\r\n"))


def split_message(message: bytes) -> tuple[bytes, bytes]:
    """The header with the empty line that ends it, and the body; the whole is header where no line is empty."""
    blank = message.find(b"\r\n\r\n")
    return (message[: blank + 4], message[blank + 4 :]) if blank >= 0 else (message, b"")


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
