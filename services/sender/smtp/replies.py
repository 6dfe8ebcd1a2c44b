"""SMTP replies (RFC 5321 section 4.2): a pure parser over a buffer."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINE = 4 * 1024
MAX_REPLY_BYTES = 64 * 1024
MAX_LINES = 100
MAX_TEXT = 1024

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class MalformedReplyError(Exception):
    """What the peer sent is no SMTP reply, or too long for one; the conversation cannot go on."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply. `lines` are its texts without codes, free of control characters."""

    code: int
    lines: tuple[str, ...] = ("",)

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code, also from a peer that did not announce them (RFC 2034 section 4, RFC 3463)."""
        found = _ENHANCED.match(self.lines[0])
        return found.group(1) if found else None

    @property
    def text(self) -> str:
        """The lines as one, at most 1 KiB; an enhanced code that later lines repeat is dropped: phrases stay whole."""
        first, *rest = self.lines
        if (enhanced := self.enhanced) is not None:
            rest = [line.removeprefix(enhanced).lstrip() for line in rest]
        return " ".join((first, *rest))[:MAX_TEXT].strip()


def take_reply(buffer: bytearray) -> Reply | None:
    """Takes the first whole reply off `buffer`; None where more bytes are needed.

    Lines may end in LF alone. Raises MalformedReplyError for anything else than `3DIGIT ("-" | " ") text` with one code
    on all lines, for a line over 4 KiB, and for a reply over 64 KiB or 100 lines.
    """
    lines: list[str] = []
    code: bytes | None = None
    offset = 0
    while (end := buffer.find(b"\n", offset)) >= 0:
        if end - offset > MAX_LINE or end > MAX_REPLY_BYTES or len(lines) >= MAX_LINES:
            raise MalformedReplyError("reply too long")
        found = _LINE.fullmatch(bytes(buffer[offset:end]).rstrip(b"\r"))
        if found is None:
            raise MalformedReplyError("not an SMTP reply")
        if code is not None and found.group(1) != code:
            raise MalformedReplyError("the lines of one reply carry different codes")
        code = found.group(1)
        lines.append(_CONTROL.sub(" ", (found.group(3) or b"").decode("utf-8", "replace")).strip())
        offset = end + 1
        if found.group(2) != b"-":
            del buffer[:offset]
            return Reply(int(code), tuple(lines))
    if len(buffer) > MAX_REPLY_BYTES or len(buffer) - offset > MAX_LINE:
        raise MalformedReplyError("reply too long")
    return None


def reply_of(text: str) -> Reply:
    """The reply that a whole text is, of one line or several. Raises MalformedReplyError."""
    buffer = bytearray(text.strip().encode() + b"\n")
    reply = take_reply(buffer)
    if reply is None or buffer:
        raise MalformedReplyError("not one whole reply: each line but the last has a hyphen behind its code")
    return reply
