"""Marks in the HTML of a whole message (RFC 2045, RFC 2046): links and the open pixel, as in composed mail. Pure.

The HTML's own parts are written anew as quoted-printable, each mark between two soft line breaks, so that whoever sends
the message only puts a URL in its place. Everything else stays byte for byte: other parts, boundaries, attachments,
messages inside the message. What is signed or encrypted (RFC 1847) is not looked into.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.ingest.acceptance.mime_headers import HeaderError, HeaderField, header_fields
from services.ingest.acceptance.mime_tree import boundary_of, divided, entity
from services.ingest.tracking.rewriting import Marks, Tracked, with_marks
from shared.links import Link
from shared.mail.encodings import quoted_printable

LARGEST_HTML = 4 * 1024 * 1024
CLOSED = (b"multipart/signed", b"multipart/encrypted")
SOFT_BREAK = b"=\r\n"
# of the body as it was
REPLACED = frozenset({"content-transfer-encoding", "content-md5"})
_CHARSET = re.compile(r';\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MarkedMime:
    """Messages with marks, by the mailbox of their From, and what the marks stand for; `nonce` None without any."""

    raws: Mapping[str, bytes]
    nonce: str | None = None
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class _HtmlPart:
    """An HTML part of a message that is shown as text: between which boundaries, where it begins, its header fields,
    where its body is."""

    boundaries: tuple[bytes, ...]
    start: int
    fields: list[HeaderField]
    body: int
    end: int

    def value(self, name: str) -> str:
        return next((one.text for one in self.fields if one.name == name), "")


def marked_mime(raws: Mapping[str, bytes], tracked: Tracked) -> MarkedMime:
    """The messages, which differ by their From alone, with what is tracked of them marked."""
    if not (tracked.opens or tracked.clicks):
        return MarkedMime(raws)
    marks = Marks.for_texts(*(raw.decode("latin-1") for raw in raws.values()))
    changed = {mailbox: _marked(raw, marks, tracked) for mailbox, raw in raws.items()}
    if changed == raws:
        return MarkedMime(raws)
    return MarkedMime(changed, marks.nonce, tuple(marks.links))


def _marked(raw: bytes, marks: Marks, tracked: Tracked) -> bytes:
    """One pixel is enough: the first HTML part has it."""
    pieces: list[bytes] = []
    at = 0
    for part in _html_parts(raw):
        written = _written(raw, part, marks, tracked)
        if written is not None:
            pieces += raw[at : part.start], written
            at = part.end
            tracked = Tracked(opens=False, clicks=tracked.clicks)
    return b"".join((*pieces, raw[at:]))


def _html_parts(raw: bytes) -> Iterator[_HtmlPart]:
    """In their order."""
    waiting: list[tuple[int, int, tuple[bytes, ...]]] = [(0, len(raw), ())]
    while waiting:
        start, end, within = waiting.pop()
        kind, body = entity(raw, start, end)
        media_type = kind.partition(b";")[0].strip().lower()
        if media_type.startswith(b"multipart/") and media_type not in CLOSED and (boundary := boundary_of(kind)):
            spans = divided(raw, body, end, boundary)
            waiting += [(first, last, (*within, boundary)) for first, last in reversed(spans)]
        elif media_type == b"text/html":
            try:
                fields = list(header_fields(raw[start : body - 2], body - 2 - start))
                part = _HtmlPart(within, start, fields, body, end)
                if not part.value("content-disposition").lower().startswith("attachment"):
                    yield part
            except HeaderError:
                continue


def _written(raw: bytes, part: _HtmlPart, marks: Marks, tracked: Tracked) -> bytes | None:
    """The part with its marks; None where there is nothing to mark, or where it cannot be read for sure."""
    decoded = _decoded(raw[part.body : part.end], part.value("content-transfer-encoding").strip().lower())
    if decoded is None or len(decoded) > LARGEST_HTML:
        return None
    charset = _charset_of(decoded, part.value("content-type"))
    if charset is None:
        return None
    html = decoded.decode(charset)
    marked = with_marks(html, marks, tracked)
    if marked == html:
        return None
    kept = [raw[part.start + one.start : part.start + one.end] for one in part.fields if one.name not in REPLACED]
    if part.start == 0 and not part.value("mime-version"):
        kept.append(b"MIME-Version: 1.0\r\n")
    kept.append(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n")
    body = _encoded(marked.encode(charset), marks.nonce)
    if any(b"--" + boundary in body for boundary in part.boundaries):
        return None  # base64 may have hidden one
    # what ends the message ends its last line
    return b"".join((*kept, body, b"\r\n" if part.end == len(raw) and not body.endswith(b"\r\n") else b""))


def _decoded(body: bytes, encoding: str) -> bytes | None:
    if encoding in ("", "7bit", "8bit", "binary"):
        return body
    try:
        if encoding == "base64":
            return binascii.a2b_base64(body.translate(None, b"\r\n\t "), strict_mode=True)
        return binascii.a2b_qp(body) if encoding == "quoted-printable" else None
    except binascii.Error:
        return None


def _charset_of(html: bytes, content_type: str) -> str | None:
    """The charset of the HTML; None where it does not read it as it is written, or does not write ASCII as ASCII."""
    named = _CHARSET.search(content_type)
    given = (named[1] or named[2] or "") if named else ""
    for charset in (given, "utf-8") if given.lower() in ("", "us-ascii", "ascii") else (given,):
        try:
            if charset and html.decode(charset).encode(charset) == html and "a:0".encode(charset) == b"a:0":
                return charset
        except (LookupError, ValueError):
            continue
    return None


def _encoded(html: bytes, nonce: str) -> bytes:
    """Quoted-printable, each mark on a line of its own."""
    pieces = re.split(rb"(%b:[0-9]{4})" % nonce.encode(), html)
    return SOFT_BREAK.join(piece if place % 2 else quoted_printable(piece) for place, piece in enumerate(pieces))
