"""A message's bytes from its content (RFC 5322, RFC 2045, RFC 2046).

Written directly, as `email.message` takes some ten times as long; it is the oracle in the tests.
"""

from __future__ import annotations

from binascii import b2a_base64, b2a_qp
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256

from services.sender.mail.headers import ComposeError, address_of, field, mailboxes
from services.sender.mail.lines import check_lines
from shared.content import Content

SOFT_LINE = 76

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
_TEXT = bytes((0x09, 0x0A, *range(0x20, 0x7F)))


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of the MIME tree: its media type and its body as encoded, CRLF lines."""

    media_type: str
    encoding: str
    body: bytes

    @property
    def headers(self) -> bytes:
        return f"Content-Type: {self.media_type}\r\nContent-Transfer-Encoding: {self.encoding}\r\n".encode()


def compose(content: Content, *, message_id: str, date: datetime) -> bytes:
    """The whole message, unsigned: CRLF lines of at most 998 bytes, the same bytes for the same arguments.

    `message_id` is the left side of the Message-ID, the sender's domain its right; `date` is aware. Every recipient of
    a request sees the same To and Cc. Raises ComposeError for content that cannot be made into a message.
    """
    parts = [
        text_part(subtype, text)
        for subtype, text in (("plain", content.text), ("html", content.html))
        if text is not None
    ] or [text_part("plain", "")]
    message = b"".join((*_headers(content, message_id, date), *_tree(parts, message_id)))
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


def text_part(subtype: str, text: str) -> Part:
    """A text as 7bit where every line is short ASCII, else as the shorter of quoted-printable and base64."""
    try:
        data = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    except UnicodeEncodeError as error:
        raise ComposeError(f"the {subtype} body is no text") from error
    media_type = f"text/{subtype}; charset=utf-8"
    foreign = len(data.translate(None, _TEXT))
    if foreign == 0 and _is_short(data):
        return Part(media_type, "7bit", data.replace(b"\n", b"\r\n"))
    # A foreign byte costs two more in quoted-printable, any byte a third more in base64.
    if foreign * 6 > len(data):
        encoded = b2a_base64(data.replace(b"\n", b"\r\n"), newline=False)
        lines = (encoded[start : start + SOFT_LINE] for start in range(0, len(encoded), SOFT_LINE))
        return Part(media_type, "base64", b"\r\n".join(lines))
    # With LF alone in, b2a_qp ends its soft breaks in LF alone too: one replacement makes all of them CRLF.
    return Part(media_type, "quoted-printable", b2a_qp(data, istext=True).replace(b"\n", b"\r\n"))


def _is_short(data: bytes) -> bool:
    """Lines that need no encoding: at most 76 bytes, and no white space at an end, which hosts on the way may strip."""
    if data.endswith((b" ", b"\t")) or b" \n" in data or b"\t\n" in data:
        return False
    return max(map(len, data.split(b"\n"))) <= SOFT_LINE


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


def _tree(parts: list[Part], message_id: str) -> list[bytes]:
    """One leaf as the message's own body, or several as `multipart/alternative`, the plainest first."""
    if len(parts) == 1:
        return [parts[0].headers, b"\r\n", parts[0].body]
    # `=_` stands in no quoted-printable or base64 body (RFC 2045 section 6.7), and the digest in no other by accident.
    boundary = f"=_{sha256(message_id.encode()).hexdigest()[:24]}"
    delimiter = f"\r\n--{boundary}".encode()
    if any(delimiter[2:] in part.body for part in parts):
        raise ComposeError("a body holds the boundary that its message id gives")
    tree = [f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n'.encode()]
    for part in parts:
        tree += delimiter, b"\r\n", part.headers, b"\r\n", part.body
    return [*tree, delimiter, b"--\r\n"]
