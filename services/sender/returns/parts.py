"""A message that came back as a tree of its parts (RFC 5322, RFC 2045, RFC 2046), whoever wrote it.

Nothing that may stand in a message makes this raise, and none takes longer than it is long: what is beyond the bounds
of depth and number is left as it stands, a line that is no field is passed over.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from quopri import decodestring

DEEPEST = 6
MOST_PARTS = 60
MOST_FIELDS = 500
LARGEST_HEADER = 64 * 1024
LONGEST_VALUE = 4 * 1024

EMBEDDED = frozenset(
    {"message/rfc822", "message/global", "message/rfc822-headers", "text/rfc822-headers", "message/global-headers"}
)
"""What holds a message, or the header of one (RFC 6522 section 3, RFC 6533 section 6)."""

_PARAMETER = re.compile(r';[ \t]*([a-z-]{1,40})[ \t]*=[ \t]*(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)
_CONTINUED = re.compile(rb"\n(?=[ \t])")


@dataclass(slots=True)
class Part:
    """One part: its fields in order, names in lower case, values on one line; its body as it is encoded."""

    fields: list[tuple[str, str]]
    body: bytes
    media_type: str = "text/plain"
    parameters: dict[str, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def value(self, name: str) -> str:
        """The first field of this name (in lower case), empty without one."""
        return next((value for each, value in self.fields if each == name), "")

    def has(self, name: str) -> bool:
        return any(each == name for each, _ in self.fields)

    def text(self, most: int) -> str:
        """The body decoded, at most so many bytes of it; what is no text of its charset is replaced."""
        encoding = self.value("content-transfer-encoding").strip().lower()
        body = self.body[: 2 * most]
        if encoding == "base64":
            body = _from_base64(body)
        elif encoding == "quoted-printable":
            body = decodestring(body)
        try:
            return body[:most].decode(self.parameters.get("charset", "utf-8"), "replace")
        except (LookupError, UnicodeError, ValueError):
            return body[:most].decode("utf-8", "replace")

    def walk(self) -> Iterator[Part]:
        """This part and all below it, outermost first; messages inside the message too."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting += reversed(part.parts)


def read_parts(raw: bytes) -> Part:
    """The message. Lines may end as they like."""
    budget = [MOST_PARTS]
    return _part(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), 0, budget)


def read_fields(block: bytes) -> list[tuple[str, str]]:
    """The fields of a header block, LF lines."""
    fields = []
    for line in _CONTINUED.sub(b"", block[:LARGEST_HEADER]).split(b"\n", 2 * MOST_FIELDS)[: 2 * MOST_FIELDS]:
        name, colon, value = line.partition(b":")
        if colon and name and len(name) <= 76 and not name[:1].isspace():
            text = value[:LONGEST_VALUE].decode("utf-8", "replace").replace("\0", "").strip()
            fields.append((name.decode("latin-1").strip().lower(), text))
    return fields[:MOST_FIELDS]


def _part(data: bytes, depth: int, budget: list[int]) -> Part:
    budget[0] -= 1
    header, body = _divided(data)
    part = Part(read_fields(header), body)
    kind = part.value("content-type")
    if kind:
        part.media_type = kind.partition(";")[0].strip().lower()
        part.parameters = {
            found[1].lower(): found[2] if found[2] is not None else found[3] for found in _PARAMETER.finditer(kind)
        }
    if depth < DEEPEST and budget[0] > 0:
        if part.media_type in EMBEDDED:
            part.parts = [_part(body, depth + 1, budget)]
        elif part.media_type.startswith("multipart/") and (boundary := part.parameters.get("boundary", "").rstrip()):
            inside = _between(body, boundary.encode(), budget[0])
            part.parts = [_part(each, depth + 1, budget) for each in inside if budget[0] > 0]
    return part


def _divided(data: bytes) -> tuple[bytes, bytes]:
    """The header block and the body."""
    if data.startswith(b"\n"):
        return b"", data[1:]
    blank = data.find(b"\n\n")
    return (data, b"") if blank < 0 else (data[: blank + 1], data[blank + 2 :])


def _between(body: bytes, boundary: bytes, most: int) -> list[bytes]:
    """What stands between the lines that are the boundary; a last one without its end is there, too."""
    delimiter = b"\n--" + boundary
    body = b"\n" + body
    found: list[bytes] = []
    place = body.find(delimiter)
    while place >= 0 and len(found) < most:
        after = place + len(delimiter)
        line_end = body.find(b"\n", after)
        if body.startswith(b"--", after) or line_end < 0:
            break
        # the same line end may begin the next one, where a part is empty
        place = body.find(delimiter, line_end)
        found.append(body[line_end + 1 : place if place >= 0 else len(body)])
    return found


def _from_base64(body: bytes) -> bytes:
    """As far as it is base64."""
    body = body.translate(None, b" \t\n")
    try:
        return b64decode(body[: len(body) // 4 * 4])
    except binascii.Error:
        return b""
