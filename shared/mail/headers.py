"""Header fields as bytes: folding and mailboxes (RFC 5322 sections 2.2.3 and 3.4), encoded words (RFC 2047)."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable, Iterator

from shared.mail.lines import MAX_LINE

FOLD_AT = 78
FOLD_ENCODED_AT = 76
ENCODED_WORD = 75
LONG_WORD = 900

_PREFIX_B, _PREFIX_Q, _SUFFIX = "=?utf-8?b?", "=?utf-8?q?", "?="
_FRAME = len(_PREFIX_B) + len(_SUFFIX)
_LEAST_ROOM = _FRAME + 12  # one character of four bytes as =XX=XX=XX=XX

_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(r"[!-9;-~]{1,76}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_TOKENS = re.compile(r"([ \t]+)")
_NOT_IN_ADDRESS = re.compile(r'[ \t<>,;:"]')
_BARE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = tuple("_" if byte == 0x20 else chr(byte) if byte in _BARE else f"={byte:02X}" for byte in range(256))

Piece = tuple[str, str, bool]
"""White space, the text after it, and whether that text must be encoded."""


class ComposeError(ValueError):
    """The content cannot be made into a message."""


def field(name: str, value: str, *, encode_long_words: bool = False) -> bytes:
    """An unstructured field, `Name: value` and CRLF, folded at existing white space only.

    ASCII is never encoded (a URL stays a URL), except for what a reader would take for an encoded word and, where that
    is asked for, words that are too long for a line. Raises ComposeError for a name or value with control characters,
    and for what no folding brings under 998 bytes a line.
    """
    if _NAME.fullmatch(name) is None:
        raise ComposeError(f"{name!r} is no header field name")
    _check(name, value)
    value = value.strip(" \t")
    if value.isascii() and "=?" not in value and len(name) + 2 + len(value) <= FOLD_AT:
        return f"{name}: {value}\r\n".encode("ascii")
    return _fold(name, _text_pieces(value, LONG_WORD if encode_long_words else len(value)))


def mailboxes(name: str, values: Iterable[str]) -> bytes:
    """An address field of mailboxes, `Name <a@b>` or `a@b`, folded between and within them. Raises ComposeError."""
    pieces: list[Piece] = []
    for value in values:
        _check(name, value)
        if pieces:
            space, address, _ = pieces[-1]
            pieces[-1] = (space, f"{address},", False)
        pieces += _mailbox_pieces(value)
    return _fold(name, pieces)


def address_of(mailbox: str) -> str:
    """The bare address of `Name <a@b>` or `a@b`."""
    mailbox = mailbox.strip()
    return mailbox[mailbox.rindex("<") + 1 : -1].strip() if mailbox.endswith(">") and "<" in mailbox else mailbox


def _mailbox_pieces(mailbox: str) -> list[Piece]:
    address = address_of(mailbox)
    name = mailbox.strip()[: -len(address) - 2].strip() if mailbox.strip().endswith(">") else ""
    if not address or _NOT_IN_ADDRESS.search(address):
        raise ComposeError("a mailbox's address is empty or holds a character that would end it")
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    if not name:
        return [(" ", address, False)]
    if not name.isascii() or "=?" in name or len(name) > FOLD_AT:
        return [(" ", name, True), (" ", f"<{address}>", False)]
    if _ATOMS.fullmatch(name) is None or "  " in name:
        name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return [(" ", name, False), (" ", f"<{address}>", False)]


def _text_pieces(value: str, longest: int) -> list[Piece]:
    """Words with the space before them; neighbours that must be encoded are one, as the space between them is lost."""
    pieces: list[Piece] = []
    parts = ["", *_TOKENS.split(value)]
    for before, token in zip(parts[0::2], parts[1::2], strict=True):
        space = before if pieces else " "
        encode = not token.isascii() or "=?" in token or len(token) > longest
        if encode and pieces and pieces[-1][2]:
            last_space, text, _ = pieces[-1]
            pieces[-1] = (last_space, f"{text}{space}{token}", True)
        else:
            pieces.append((space, token, encode))
    return pieces


def _fold(name: str, pieces: list[Piece]) -> bytes:
    limit = FOLD_ENCODED_AT if any(encode for *_, encode in pieces) else FOLD_AT
    out = [name, ":"]
    column = start = len(name) + 1
    for space, text, encode in pieces:
        words = _encoded_words(text, limit - column - len(space)) if encode else iter((text,))
        for number, word in enumerate(words):
            before = space if number == 0 else " "
            # A word that is too long for any line is left on the first, unless it is too long even for that.
            most = MAX_LINE if column == start and not encode else limit
            if before and column + len(before) + len(word) > most:
                out.append("\r\n")
                column = 0
            out += before, word
            column += len(before) + len(word)
    line = "".join(out).encode() + b"\r\n"
    if max(map(len, line.split(b"\r\n"))) > MAX_LINE:
        raise ComposeError(f"{name} has a line over {MAX_LINE} bytes")
    return line


def _encoded_words(text: str, room: int) -> Iterator[str]:
    """Encoded words for `text`, each of whole characters and at most 75 long, the first within `room` if it can be.

    B or Q for all of them, whichever is shorter (RFC 2047 section 4); Q as it may stand in a phrase (section 5).
    """
    data = text.encode()
    in_base64 = sum(map(len, map(_Q.__getitem__, data))) > (len(data) + 2) // 3 * 4
    position = 0
    room = min(room, ENCODED_WORD) if room >= _LEAST_ROOM else ENCODED_WORD
    while position < len(data):
        end = _base64_end(data, position, room) if in_base64 else _quoted_end(data, position, room)
        chunk = data[position:end]
        if in_base64:
            yield _PREFIX_B + b2a_base64(chunk, newline=False).decode("ascii") + _SUFFIX
        else:
            yield _PREFIX_Q + "".join(map(_Q.__getitem__, chunk)) + _SUFFIX
        position, room = end, ENCODED_WORD


def _base64_end(data: bytes, position: int, room: int) -> int:
    return _whole_characters(data, position + (room - _FRAME) // 4 * 3)


def _quoted_end(data: bytes, position: int, room: int) -> int:
    left, end = room - _FRAME, position
    while end < len(data) and (left := left - len(_Q[data[end]])) >= 0:
        end += 1
    return _whole_characters(data, end)


def _whole_characters(data: bytes, end: int) -> int:
    """The last character boundary at or before `end`."""
    if end >= len(data):
        return len(data)
    while data[end] & 0xC0 == 0x80:
        end -= 1
    return end


def _check(name: str, value: str) -> None:
    if _FORBIDDEN.search(value):
        raise ComposeError(f"{name} holds a control character")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ComposeError(f"{name} is no text") from error
