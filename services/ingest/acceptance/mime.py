"""A whole message from a caller (RFC 5322): what acceptance has to know of it, and its bytes as they will go on.

Read by bytes, as Python's email package takes 1.5 ms a message. A body in 7 bits is never changed; of the header,
fields that are the platform's business are taken out and those that every message needs are put in.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime

from services.ingest.acceptance.mime_headers import (
    HeaderError,
    HeaderField,
    addresses_in,
    decoded,
    encoded_field,
    header_fields,
    one_mailbox,
    place_of,
)
from services.ingest.acceptance.mime_options import OPTIONS, Options, Tracking, read_options
from services.ingest.acceptance.mime_seven_bit import in_seven_bits
from services.ingest.acceptance.mime_tree import TooManyPartsError, boundaries
from shared.addresses import Mailbox, render_mailbox
from shared.contracts.topics import Stream
from shared.mail.headers import ComposeError, mailboxes
from shared.mail.lines import MAX_LINE

LARGEST_HEADER = 128 * 1024
MOST_RECEIVED = 100
SINGLETONS = frozenset(
    {
        "bcc",
        "cc",
        "date",
        "from",
        "in-reply-to",
        "message-id",
        "references",
        "reply-to",
        "sender",
        "subject",
        "to",
    }
)
# Blind copies stay blind; the rest are a receiver's statements, which would be read as the next receiver's own
# (RFC 5321 section 4.4, RFC 8601 section 5). Received and signatures stay: what they say of the past is still so.
STRIPPED = frozenset(
    {
        "arc-authentication-results",
        "arc-message-signature",
        "arc-seal",
        "authentication-results",
        "bcc",
        "received-spf",
        "resent-bcc",
        "return-path",
    }
)


class MimeError(ValueError):
    """Why a message is refused, in words for its sender, with the reply's code and enhanced code (RFC 3463)."""

    def __init__(self, text: str, code: int = 550, enhanced: str = "5.6.0") -> None:
        super().__init__(text)
        self.code = code
        self.enhanced = enhanced


@dataclass(frozen=True, slots=True)
class MimeMessage:
    """A message that may go on.

    `raw` are its bytes as they go on (CRLF lines); `to` and `cc` the addresses that it shows, in lower case; `sender`
    the address of its Sender field. `message_id` is the caller's own, None where it was made here. `body_digest` is the
    SHA-256 of the body, the boundaries left out, which a mailer draws anew each time. `from_place` is where the From
    field stands in `raw`.
    """

    raw: bytes = field(repr=False)
    from_mailbox: Mailbox
    sender: str | None
    subject: str = field(repr=False)
    to: list[str]
    cc: list[str]
    message_id: str | None
    body_digest: bytes
    from_place: tuple[int, int]
    tags: list[str]
    tracking: Tracking | None
    stream: Stream | None
    idempotency_key: str | None

    def sent_from(self, mailbox: Mailbox) -> bytes:
        """The bytes with another From. Raises MimeError where no header line can hold it."""
        begin, end = self.from_place
        try:
            written = mailboxes("From", [render_mailbox(mailbox)])
        except ComposeError as error:
            raise MimeError(str(error)) from error
        return self.raw[:begin] + written + self.raw[end:]


@dataclass(frozen=True, slots=True)
class _Made:
    """What comes from outside the message: the moment and the id for a Date and Message-ID, and what is allowed."""

    now: datetime
    new_id: str
    smtputf8: bool


def parse_mime(data: bytes, *, now: datetime, new_id: str, smtputf8: bool = False) -> MimeMessage:
    """Reads the content of DATA, dots unstuffed. `new_id` and `now` make the Message-ID and Date of one that has none.

    `smtputf8` allows addresses with local parts outside ASCII in From, To and Cc. Raises MimeError.
    """
    _check_lines(data)
    header_end, body = _end_of_header(data)
    try:
        fields = list(header_fields(data, header_end))
        _check_fields(fields)
        kept = _Kept.of(data, fields, smtputf8)
        return _message(data, body, kept, read_options(fields), _Made(now, new_id, smtputf8))
    except HeaderError as error:
        raise MimeError(str(error), enhanced="5.6.7" if error.smtputf8 else "5.6.0") from error
    except TooManyPartsError as error:
        raise MimeError(str(error), 552, "5.3.4") from error


def _check_lines(data: bytes) -> None:
    """Bare CR and LF and NUL, with which messages are smuggled, and lines that no peer has to take.

    RFC 5321 sections 2.3.8 and 4.5.3.1.6.
    """
    ends = data.count(b"\r\n")
    if data.count(b"\r") != ends or data.count(b"\n") != ends or b"\0" in data:
        raise MimeError("the message holds a bare CR, a bare LF or a NUL", enhanced="5.6.11")
    position, end = 0, len(data)
    while end - position > MAX_LINE + 2:
        newline = data.rfind(b"\n", position, position + MAX_LINE + 2)
        if newline < 0:
            raise MimeError(f"a line of the message is over {MAX_LINE} octets: encode it as quoted-printable or base64")
        position = newline + 1


def _end_of_header(data: bytes) -> tuple[int, int]:
    """Where the last field ends, and where the body begins."""
    if data.startswith(b"\r\n"):
        raise MimeError("the message has no header")
    blank = data.find(b"\r\n\r\n")
    header_end, body = (blank + 2, blank + 4) if blank >= 0 else (len(data), len(data))
    if header_end > LARGEST_HEADER:
        raise MimeError(f"the header is over {LARGEST_HEADER} octets", 552, "5.3.4")
    return header_end, body


def _check_fields(fields: list[HeaderField]) -> None:
    seen: set[str] = set()
    received = 0
    for one in fields:
        if one.name in seen and one.name in SINGLETONS:
            raise MimeError(f"the header {one.name} stands there twice")
        seen.add(one.name)
        received += one.name == "received"
        if one.name.startswith(("x-posthorn-", "x-leadpush-")) and one.name not in OPTIONS:
            raise MimeError(f"the header {one.name} is reserved; there are {', '.join(sorted(OPTIONS))}")
    if received > MOST_RECEIVED:
        raise MimeError("the message goes round in circles", 554, "5.4.6")


def _message(data: bytes, start: int, kept: _Kept, options: Options, made: _Made) -> MimeMessage:
    fields = {one.name: one for one in kept.fields}
    if "from" not in fields:
        raise MimeError("the message has no From")
    author = one_mailbox("From", fields["from"].text, smtputf8=made.smtputf8)
    sender = fields.get("sender")
    content_type = fields["content-type"].value.strip() if "content-type" in fields else b""
    divided = boundaries(content_type, data, start)
    body = data[start:]
    raw, from_place = kept.joined(_added(fields, body, author, made), data, start)
    converted = raw if body.isascii() else in_seven_bits(raw)
    if converted is not raw:
        raw, from_place = converted, place_of("from", converted)
    return MimeMessage(
        raw=raw,
        from_mailbox=author,
        sender=one_mailbox("Sender", sender.text, smtputf8=made.smtputf8).address if sender else None,
        subject=decoded(fields["subject"].text) if "subject" in fields else "",
        to=addresses_in(fields["to"].text) if "to" in fields else [],
        cc=addresses_in(fields["cc"].text) if "cc" in fields else [],
        message_id=fields["message-id"].text if "message-id" in fields else None,
        body_digest=_digest(body, divided),
        from_place=from_place,
        tags=options.tags,
        tracking=options.tracking,
        stream=options.stream,
        idempotency_key=options.idempotency_key,
    )


def _digest(body: bytes, divided: list[bytes]) -> bytes:
    for boundary in divided:
        body = body.replace(boundary, b"")
    return hashlib.sha256(body).digest()


def _added(fields: dict[str, HeaderField], body: bytes, author: Mailbox, made: _Made) -> bytes:
    """What every message has to have (RFC 5322 section 3.6), and what tells readers of its 8-bit text (RFC 2045)."""
    added: list[str] = []
    if "date" not in fields:
        added.append(f"Date: {format_datetime(made.now.astimezone(UTC))}")
    if "message-id" not in fields:
        added.append(f"Message-ID: <{made.new_id}@{author.domain}>")
    if not body.isascii():
        added += _eight_bit_fields(fields, body)
    return "".join(f"{line}\r\n" for line in added).encode()


def _eight_bit_fields(fields: dict[str, HeaderField], body: bytes) -> list[str]:
    added = [] if "mime-version" in fields else ["MIME-Version: 1.0"]
    if "content-type" not in fields:
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise MimeError("the body is not ASCII, not UTF-8, and no Content-Type tells what it is") from error
        added.append("Content-Type: text/plain; charset=utf-8")
    if "content-transfer-encoding" not in fields:
        added.append("Content-Transfer-Encoding: 8bit")
    return added


@dataclass(frozen=True, slots=True)
class _Kept:
    """The fields that go on, as they are now, and their bytes; `whole` where that is all of them unchanged."""

    fields: list[HeaderField]
    pieces: list[bytes]
    whole: bool

    @classmethod
    def of(cls, data: bytes, fields: list[HeaderField], smtputf8: bool) -> _Kept:
        kept: list[HeaderField] = []
        pieces: list[bytes] = []
        whole = True
        for one in fields:
            if one.name in STRIPPED or one.name in OPTIONS or (one.name == "message-id" and not one.text):
                whole = False
                continue
            piece = data[one.start : one.end]
            if not one.value.isascii():
                written = piece[: len(one.name)].decode("ascii")
                encoded = encoded_field(one, written, smtputf8=smtputf8)
                if encoded is not None:
                    piece, whole = encoded, False
                    one = replace(one, value=encoded[len(written) + 1 :])
            kept.append(one)
            pieces.append(piece)
        return cls(kept, pieces, whole)

    def joined(self, added: bytes, data: bytes, body: int) -> tuple[bytes, tuple[int, int]]:
        """The message's bytes, and where its From stands in them."""
        begin, place = 0, (0, 0)
        for one, piece in zip(self.fields, self.pieces, strict=True):
            if one.name == "from":
                place = (begin, begin + len(piece))
            begin += len(piece)
        if self.whole and not added and data.startswith(b"\r\n\r\n", body - 4):
            return data, place
        return b"".join((*self.pieces, added, b"\r\n", data[body:])), place
