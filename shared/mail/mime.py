"""The MIME tree of a message: texts, inline images and attachments (RFC 2045, RFC 2046, RFC 2387, RFC 2183)."""

from __future__ import annotations

from binascii import b2a_qp
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote

from shared.content import Attachment, Blob, Content
from shared.mail.encodings import SOFT_LINE, base64_lines
from shared.mail.headers import ComposeError

_TEXT = bytes((0x09, 0x0A, *range(0x20, 0x7F)))


Piece = bytes | Blob
"""A part of a body: its bytes as they go out, or a file that is left in the store, to be read as base64."""


@dataclass(frozen=True, slots=True)
class Part:
    """A node of the MIME tree: type, header block, and its body as encoded, in pieces, CRLF lines."""

    media_type: str
    headers: bytes
    body: Sequence[Piece]


def message_tree(content: Content, message_id: str) -> Part:
    """`mixed(related(alternative(text, html), inline …), attachments …)`; levels with one part are left out.

    The boundaries follow from the message id. Raises ComposeError for a text that is none or holds a boundary.
    """
    texts = [
        text_part(subtype, text)
        for subtype, text in (("plain", content.text), ("html", content.html))
        if text is not None
    ] or [text_part("plain", "")]
    inline = [one for one in content.attachments if one.content_id is not None and content.html is not None]
    others = [one for one in content.attachments if one not in inline]
    tree = _multipart("alternative", texts, message_id)
    tree = _multipart("related", [tree, *map(attachment_part, inline)], message_id)
    return _multipart("mixed", [tree, *map(attachment_part, others)], message_id)


def text_part(subtype: str, text: str) -> Part:
    """A text as 7bit where every line is short ASCII, else as the shorter of quoted-printable and base64."""
    try:
        data = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    except UnicodeEncodeError as error:
        raise ComposeError(f"the {subtype} body is no text") from error
    media_type = f"text/{subtype}; charset=utf-8"
    foreign = len(data.translate(None, _TEXT))
    if foreign == 0 and _is_short(data):
        return _leaf(media_type, "7bit", data.replace(b"\n", b"\r\n"))
    # A foreign byte costs two more in quoted-printable, any byte a third more in base64.
    if foreign * 6 > len(data):
        return _leaf(media_type, "base64", *base64_lines(data.replace(b"\n", b"\r\n")))
    # With LF alone in, b2a_qp ends its soft breaks in LF alone too: one replacement makes all of them CRLF.
    return _leaf(media_type, "quoted-printable", b2a_qp(data, istext=True).replace(b"\n", b"\r\n"))


def _is_short(data: bytes) -> bool:
    """Lines that need no encoding: at most 76 bytes, and no white space at an end, which hosts on the way may strip."""
    if data.endswith((b" ", b"\t")) or b" \n" in data or b"\t\n" in data:
        return False
    return max(map(len, data.split(b"\n"))) <= SOFT_LINE


def attachment_part(attachment: Attachment) -> Part:
    """A file: base64, its name as it is and in ASCII for those who know no RFC 2231.

    Where its bytes are left in the store, it is a piece of the body itself.
    """
    shown = "inline" if attachment.content_id is not None else "attachment"
    # many readers decode an encoded word here too, though RFC 2047 section 5 has none in a quoted string
    plain = attachment.filename.isascii() and "=?" not in attachment.filename
    ascii_name = "".join(each if 0x20 <= ord(each) < 0x7F else "_" for each in attachment.filename.replace("=?", "_?"))
    escaped = ascii_name.replace("\\", "\\\\").replace('"', '\\"')
    # readers take the first of the two that they understand
    names = [] if plain else [f"filename*=utf-8''{quote(attachment.filename, safe='')}"]
    disposition = ";\r\n ".join([shown, *names, f'filename="{escaped}"'])
    headers = f"Content-Type: {attachment.content_type}\r\nContent-Transfer-Encoding: base64\r\n"
    headers += f"Content-Disposition: {disposition}\r\n"
    if attachment.content_id is not None:
        headers += f"Content-ID: <{attachment.content_id}>\r\n"
    body: Sequence[Piece] = [attachment] if attachment.data is None else base64_lines(attachment.data)
    return Part(attachment.content_type, headers.encode("ascii"), body)


def _leaf(media_type: str, encoding: str, *body: Piece) -> Part:
    headers = f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return Part(media_type.partition(";")[0], headers.encode("ascii"), body)


def _multipart(subtype: str, parts: Sequence[Part], message_id: str) -> Part:
    """One part by itself, or several in a multipart, the plainest or the one that refers to the others first."""
    if len(parts) == 1:
        return parts[0]
    # `=_` stands in no quoted-printable or base64 body (RFC 2045 section 6.7), and the digest in no other by accident.
    boundary = f"=_{sha256(f'{subtype}:{message_id}'.encode()).hexdigest()[:24]}"
    delimiter = f"\r\n--{boundary}".encode()
    if any(isinstance(piece, bytes) and delimiter[2:] in piece for part in parts for piece in part.body):
        raise ComposeError("a body holds the boundary that its message id gives")
    body: list[Piece] = []
    for part in parts:
        body += delimiter, b"\r\n", part.headers, b"\r\n", *part.body
    parameters = f'boundary="{boundary}"'
    if subtype == "related":  # RFC 2387 section 3.1 wants the root's type
        parameters += f'; type="{parts[0].media_type}"'
    headers = f"Content-Type: multipart/{subtype}; {parameters}\r\n"
    return Part(f"multipart/{subtype}", headers.encode("ascii"), [*body, delimiter, b"--\r\n"])
