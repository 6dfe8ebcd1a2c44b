"""The relaxed canonical forms of headers and bodies (RFC 6376 section 3.4), as they are hashed for DKIM."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256

_FIELDS = re.compile(rb"\r\n(?![ \t])")
_SPACES = re.compile(rb"[ \t]+")
_FOLDED_SPACES = re.compile(rb"[ \t\r\n]+")
_LINE_ENDS = re.compile(rb"[ \t]+(?=\r\n|\Z)")
_BLOCK = 1024 * 1024

Fields = dict[str, list[bytes]]
"""The fields of a header as they stand, without their last CRLF, by their name in lower case, in their order."""


def fields_of(header: bytes) -> Fields:
    """The fields of a header block, with or without the empty line that ends it."""
    fields: Fields = {}
    for raw in _FIELDS.split(header):
        name, colon, _ = raw.partition(b":")
        if colon:
            fields.setdefault(name.strip().lower().decode("latin-1"), []).append(raw)
    return fields


def relaxed_fields(fields: Fields, names: Iterable[str]) -> bytes:
    """The fields that `h=` names, relaxed, CRLF after each; of several instances the last comes first, and a name
    beyond them stands for none (section 5.4.2)."""
    left: Fields = {}
    chosen: list[bytes] = []
    for name in names:
        if name not in left:
            left[name] = list(fields.get(name, ()))
        if left[name]:
            chosen += relaxed_field(left[name].pop()), b"\r\n"
    return b"".join(chosen)


def relaxed_field(raw: bytes) -> bytes:
    """One field relaxed (section 3.4.2), without the final CRLF."""
    name, _, value = raw.partition(b":")
    if b"\t" in value or b"\r" in value or b"  " in value:
        value = _FOLDED_SPACES.sub(b" ", value)
    return name.strip().lower() + b":" + value.strip(b" \t\r\n")


class BodyHash:
    """SHA-256 of the relaxed form (section 3.4.4) of a body that comes in blocks, however it is cut."""

    def __init__(self) -> None:
        self._digest = sha256()
        self._rest = b""
        self._empty_lines = 0
        self._some = False

    def update(self, block: bytes) -> None:
        """The next bytes; the line that they leave open is kept until it ends."""
        data = self._rest + block if self._rest else block
        end = data.rfind(b"\r\n") + 2
        if end < 2:
            self._rest = data
            return
        self._rest = data[end:]
        self._take(data[:end])

    def base64(self) -> str:
        """The hash of all that came, as `bh=` has it."""
        self._take(self._rest)
        self._rest = b""
        if self._some:
            self._digest.update(b"\r\n")
        return b64encode(self._digest.digest()).decode("ascii")

    def _take(self, lines: bytes) -> None:
        """Empty lines wait for one that is not: those at the end of the body do not count."""
        if b"\t" in lines or b"  " in lines:
            lines = _SPACES.sub(b" ", lines)
        if b" \r\n" in lines or lines.endswith(b" "):
            lines = _LINE_ENDS.sub(b"", lines)
        end = len(lines)
        while lines.endswith(b"\r\n", 0, end):
            end -= 2
        if end:
            self._digest.update(b"\r\n" * self._empty_lines + lines[:end] if self._empty_lines else lines[:end])
            self._some, self._empty_lines = True, 0
        self._empty_lines += (len(lines) - end) // 2


def body_hash(body: bytes) -> str:
    """`bh=` of a body that is there whole; in blocks, so that its relaxed form is not."""
    hashed = BodyHash()
    for start in range(0, len(body), _BLOCK):
        hashed.update(body[start : start + _BLOCK] if len(body) > _BLOCK else body)
    return hashed.base64()
