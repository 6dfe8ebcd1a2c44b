"""How a MIME body is divided (RFC 2046 section 5.1): its parts are counted and its boundaries found, nothing else."""

from __future__ import annotations

import re

MOST_PARTS = 100
DEEPEST = 10

_CONTENT_TYPE = re.compile(rb"^content-type:[ \t\r\n]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_BOUNDARY = re.compile(rb';[ \t\r\n]*boundary[ \t]*=[ \t]*(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)


class TooManyPartsError(ValueError):
    """The message has more parts, or more levels of them, than may be."""


def boundaries(content_type: bytes, data: bytes, start: int) -> list[bytes]:
    """The boundaries of the multipart body `data[start:]`, CRLF lines, outermost first; none where it is one part.

    Raises TooManyPartsError over 100 parts or 10 levels.
    """
    found: list[bytes] = []
    parts = 1
    waiting = [(content_type, start, len(data), 1)]
    while waiting:
        kind, first, last, depth = waiting.pop()
        if depth > DEEPEST:
            raise TooManyPartsError(f"the message has more than {DEEPEST} levels of parts")
        if kind[:15].lower() == b"message/rfc822":
            waiting.append((*entity(data, first, last), last, depth + 1))
            continue
        boundary = boundary_of(kind) if kind[:10].lower() == b"multipart/" else b""
        if not boundary:
            continue
        found.append(boundary)
        spans = divided(data, first, last, boundary, MOST_PARTS + 1 - parts)
        parts += len(spans)
        if parts > MOST_PARTS:
            raise TooManyPartsError(f"the message has more than {MOST_PARTS} parts")
        waiting += [(*entity(data, begin, end), end, depth + 1) for begin, end in spans]
    return found


def boundary_of(content_type: bytes) -> bytes:
    """The boundary that a multipart's Content-Type names, empty where it names none."""
    named = _BOUNDARY.search(content_type)
    return (named[1] or named[2] or b"").rstrip() if named else b""


def divided(data: bytes, start: int, end: int, boundary: bytes, most: int = MOST_PARTS) -> list[tuple[int, int]]:
    """Where the parts between the lines that are the boundary begin and end; at most `most` of them."""
    delimiter = b"\r\n--" + boundary
    parts: list[tuple[int, int]] = []
    begun = -1
    place = data.find(delimiter, max(0, start - 2), end)
    while place >= 0 and len(parts) < most:
        if begun >= 0:
            parts.append((begun, place))
            begun = -1
        after = place + len(delimiter)
        if data.startswith(b"--", after):
            return parts
        line_end = data.find(b"\r\n", after, end)
        if line_end < 0:
            return parts
        begun = line_end + 2
        place = data.find(delimiter, line_end, end)
    if begun >= 0:
        parts.append((begun, end))
    return parts


def entity(data: bytes, start: int, end: int) -> tuple[bytes, int]:
    """The Content-Type of the entity at `start`, empty where it has none, and where its body begins."""
    if data.startswith(b"\r\n", start):
        return b"", start + 2
    blank = data.find(b"\r\n\r\n", start, end)
    header_end = blank + 2 if blank >= 0 else end
    match = _CONTENT_TYPE.search(data[start:header_end])
    return (match[1] if match else b""), min(header_end + 2, end)
