"""The header fields of a message as bytes (RFC 5322 sections 2.2 and 3.4): read, and encoded where they must be."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import getaddresses

from shared.addresses import InvalidAddressError, Mailbox, parse_address, render_mailbox
from shared.mail.headers import ComposeError, field, mailboxes

ADDRESS_FIELDS = frozenset({"from", "sender", "reply-to", "to", "cc"})
# What is read by machines has no place for encoded words (RFC 2047 section 5).
STRUCTURED = frozenset(
    {
        "content-id",
        "content-transfer-encoding",
        "content-type",
        "date",
        "dkim-signature",
        "in-reply-to",
        "list-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "message-id",
        "mime-version",
        "received",
        "references",
    }
)

_FIELD = re.compile(rb"([!-9;-~]+):((?:[^\r\n]*\r\n)(?:[ \t][^\r\n]*\r\n)*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_COMMENT = re.compile(r"\([^()]*\)")
_MAILBOX = re.compile(r'(?P<name>(?:"(?:[^"\\]|\\.)*"|[^"<>(),:;@\\\[\]])*)<(?P<address>[^<>\s]+)>')
_BARE = re.compile(r"(?P<address>[^\s<>(),:;\"]+)(?:\s*\((?P<name>[^()\\]*)\))?")
_ADDRESSES = re.compile(r'[^\s<>(),:;"]+@[^\s<>(),:;"]+')


class HeaderError(ValueError):
    """What is wrong with a header field, in words for who wrote it; with `smtputf8`, only RFC 6531 could carry it."""

    def __init__(self, text: str, *, smtputf8: bool = False) -> None:
        super().__init__(text)
        self.smtputf8 = smtputf8


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One field: its name in lower case, its value as it stands with its folds, and where it begins and ends."""

    name: str
    value: bytes
    start: int
    end: int

    @property
    def text(self) -> str:
        """The value on one line, encoded words as they stand. Raises HeaderError for what is no UTF-8."""
        try:
            return self.value.replace(b"\r\n", b"").decode().strip(" \t")
        except UnicodeDecodeError as error:
            raise HeaderError(f"the value of {self.name} is neither ASCII nor UTF-8") from error


def header_fields(data: bytes, end: int) -> Iterator[HeaderField]:
    """The fields of the header block `data[:end]`, CRLF lines. Raises HeaderError for a line that belongs to none."""
    position = 0
    while position < end:
        match = _FIELD.match(data, position, end)
        if match is None:
            raise HeaderError("a line of the header is no field: `Name: value`, or a continuation of one")
        yield HeaderField(match[1].decode("ascii").lower(), match[2], position, match.end())
        position = match.end()


def place_of(name: str, message: bytes) -> tuple[int, int]:
    """Where a field begins and ends that the message has. Raises HeaderError."""
    end = message.index(b"\r\n\r\n") + 2
    return next((one.start, one.end) for one in header_fields(message, end) if one.name == name)


def decoded(text: str) -> str:
    """The text with its encoded words decoded (RFC 2047), as far as they can be, on one line."""
    if "=?" in text:
        with contextlib.suppress(HeaderParseError, LookupError, ValueError):
            text = str(make_header(decode_header(text)))
    return _CONTROL.sub(" ", text).strip()


def one_mailbox(name: str, text: str, *, smtputf8: bool) -> Mailbox:
    """The one mailbox of a From or Sender. Raises HeaderError for several, and where readers might differ."""
    match = _MAILBOX.fullmatch(text) or _BARE.fullmatch(text)
    if match is None:
        raise HeaderError(f"{name} has to be one mailbox: `a@b` or `Name <a@b>`")
    shown = match["name"] or ""
    pieces = _QUOTED.split(shown)
    plain = [decoded(piece) if place % 2 == 0 else re.sub(r"\\(.)", r"\1", piece) for place, piece in enumerate(pieces)]
    label = " ".join(piece.strip() for piece in plain if piece.strip())
    return Mailbox(_CONTROL.sub(" ", label) or None, _address(name, match["address"], smtputf8))


def addresses_in(text: str) -> list[str]:
    """The addresses that an address field shows, in lower case, without regard to how they are grouped."""
    if '"' in text:
        text = _QUOTED.sub(" ", text)
    if "(" in text:
        text = _COMMENT.sub(" ", text)
    return [address.lower() for address in _ADDRESSES.findall(text)]


def encoded_field(one: HeaderField, written: str, *, smtputf8: bool) -> bytes | None:
    """A field with raw UTF-8 in it as one of ASCII (RFC 2047); None where its addresses need it as it is (RFC 6532).

    `written` is its name as it was written. Raises HeaderError where the field has no place for encoded words.
    """
    if one.name in STRUCTURED:
        raise HeaderError(f"{written} may hold nothing but ASCII")
    try:
        if one.name not in ADDRESS_FIELDS:
            return field(written, one.text, encode_long_words=True)
        rendered = []
        for name, address in getaddresses([one.text]):
            mailbox = Mailbox(decoded(name) or None, _address(written, address, smtputf8))
            if not mailbox.address.isascii():
                return None
            rendered.append(render_mailbox(mailbox))
        return mailboxes(written, rendered)
    except ComposeError as error:
        raise HeaderError(str(error)) from error


def _address(name: str, address: str, smtputf8: bool) -> str:
    try:
        return parse_address(address, smtputf8=smtputf8)
    except InvalidAddressError as error:
        raise HeaderError(f"an address in {name} {error}", smtputf8=not address.isascii()) from error
