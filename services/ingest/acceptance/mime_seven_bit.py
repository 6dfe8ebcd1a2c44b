"""Whole messages in 7 bits: 8-bit parts as quoted-printable or base64 (RFC 2045 section 6). Pure.

A host that does not offer 8BITMIME takes no other (RFC 6152 section 3), and one on the way that converts a message
breaks its DKIM signature: whoever signs converts before (RFC 6376 section 5.3). What others have signed is not
converted, nor what could be read in more than one way: it goes on as it came, to hosts that take it.
"""

from __future__ import annotations

from services.ingest.acceptance.mime_headers import HeaderError, HeaderField, header_fields
from services.ingest.acceptance.mime_tree import boundary_of, divided, entity
from shared.mail.encodings import base64_lines, quoted_printable

IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
SIGNED = ("multipart/signed", "multipart/encrypted")
MESSAGES = ("message/rfc822", "message/global")
ENCODING = "content-transfer-encoding"


class _LeftError(Exception):
    """The message is to stay as it is."""


def in_seven_bits(raw: bytes) -> bytes:
    """The message with a body in ASCII; the message itself where it has one, and where it is to stay as it is.

    `raw` has CRLF lines; what is not ASCII in its own header stays.
    """
    _, body = entity(raw, 0, len(raw))
    if raw[body:].isascii():
        return raw
    try:
        fields = _fields(raw, 0, body)
        if any(one.name == "dkim-signature" for one in fields):
            return raw
        return _entity(raw, fields, body, len(raw), ())
    except (_LeftError, HeaderError):
        return raw


def _entity(data: bytes, fields: list[HeaderField], body: int, end: int, within: tuple[bytes, ...]) -> bytes:
    """A message or part of one, its header too; `within` are the boundaries that it stands between."""
    start = fields[0].start if fields else body - 2
    if data[body:end].isascii():
        return data[start:end]
    content_type = _value(fields, "content-type")
    kind = content_type.partition(";")[0].strip().lower()
    names = [one.name for one in fields]
    several = names.count(ENCODING) > 1 or names.count("content-type") > 1
    if several or kind in SIGNED or _value(fields, ENCODING).lower() not in IDENTITY:
        raise _LeftError
    if kind.startswith("multipart/"):
        encoding, converted = "7bit", _multipart(data, content_type.encode(), body, end, within)
    elif kind in MESSAGES:
        inner = entity(data, body, end)[1]
        encoding, converted = "7bit", _entity(data, _ascii_fields(data, body, inner), inner, end, within)
    elif kind.startswith("message/"):
        raise _LeftError
    else:
        encoding, converted = _leaf(data[body:end], within, is_text=not kind or kind.startswith("text/"))
        if end == len(data) and not converted.endswith(b"\r\n"):
            converted += b"\r\n"  # what ends the message ends its last line
    return b"".join((_header(data, fields, start, encoding), converted))


def _multipart(data: bytes, content_type: bytes, body: int, end: int, within: tuple[bytes, ...]) -> bytes:
    """The parts one by one; what stands between them stays, and is to be ASCII."""
    boundary = boundary_of(content_type)
    pieces: list[bytes] = []
    at = body
    for first, last in divided(data, body, end, boundary) if boundary else ():
        inner = entity(data, first, last)[1]
        part = _entity(data, _ascii_fields(data, first, inner), inner, last, (*within, boundary))
        pieces += data[at:first], part
        at = last
    converted = b"".join((*pieces, data[at:end]))
    if not converted.isascii():
        raise _LeftError
    return converted


def _leaf(body: bytes, within: tuple[bytes, ...], *, is_text: bool) -> tuple[str, bytes]:
    """The shorter of the encodings that the body can have: a soft line break may make a boundary of what was none."""
    encoded = b"".join(base64_lines(body))
    if is_text:
        quoted = quoted_printable(body)
        if len(quoted) <= len(encoded) and not any(b"--" + boundary in quoted for boundary in within):
            return "quoted-printable", quoted
    return "base64", encoded


def _header(data: bytes, fields: list[HeaderField], start: int, encoding: str) -> bytes:
    """The header with its empty line, and with one field that tells the encoding."""
    told = f"Content-Transfer-Encoding: {encoding}\r\n".encode()
    pieces = [told if one.name == ENCODING else data[one.start : one.end] for one in fields]
    if told not in pieces:
        pieces.append(told)
    return b"".join((*pieces, b"\r\n"))


def _ascii_fields(data: bytes, start: int, body: int) -> list[HeaderField]:
    """The header of a part; one that is not ASCII cannot be converted without knowing each of its fields."""
    if not data[start:body].isascii():
        raise _LeftError
    return _fields(data, start, body)


def _fields(data: bytes, start: int, body: int) -> list[HeaderField]:
    header = data[start : body - 2]
    found = header_fields(header, len(header))
    return [HeaderField(one.name, one.value, start + one.start, start + one.end) for one in found]


def _value(fields: list[HeaderField], name: str) -> str:
    return next((one.text for one in fields if one.name == name), "")
