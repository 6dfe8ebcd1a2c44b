"""Where lines and messages end on the wire (RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2). No I/O.

A line ends in CRLF and a message in CRLF.CRLF, whatever chunks they come in; nothing else ends either of them.
"""

from __future__ import annotations

END = b"\r\n.\r\n"
LONGEST_LINE = 12_288  # of an AUTH exchange, RFC 4954 section 4; other commands are shorter


class BareLineEndError(ValueError):
    """A command holds a bare CR, a bare LF or a NUL: where it ends is a matter of opinion."""


class LineTooLongError(ValueError):
    """A command is longer than any may be."""


class Framer:
    """Bytes in, lines and message contents out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._most: int | None = None
        self._kept: bytes | None = None
        self._cuts = False
        self.dropped = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def pending(self) -> int:
        """Bytes that nobody has asked for yet."""
        return len(self._buffer)

    @property
    def in_content(self) -> bool:
        return self._most is not None

    def line(self) -> bytes | None:
        """The next line without its end, None where it is not there yet. Raises the two errors above."""
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > LONGEST_LINE:
                raise LineTooLongError
            return None
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if len(line) > LONGEST_LINE + 2:
            raise LineTooLongError
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            raise BareLineEndError
        return line[:-2]

    def begin_content(self, most: int, *, cuts: bool = False) -> None:
        """What comes from here on is a message. Over `most` bytes it is read to its end, but not kept; with `cuts` what
        it began with is."""
        self._buffer[:0] = b"\r\n"  # so that a dot on the first line is found like any other
        self._searched, self._most, self.dropped = 0, most, False
        self._kept, self._cuts = None, cuts

    def drop(self) -> None:
        """Keeps nothing more of this message; it is read to its end all the same."""
        self.dropped = True

    def content(self) -> bytes | None:
        """The message with its stuffed dots taken out, None where its end is not there yet; empty where dropped, its
        first lines where cut."""
        assert self._most is not None
        end = self._buffer.find(END, self._searched)
        if end < 0:
            if len(self._buffer) > self._most + len(END) + 2:
                self._overflow()
            if self.dropped:
                del self._buffer[: max(0, len(self._buffer) - len(END) + 1)]
            self._searched = max(0, len(self._buffer) - len(END) + 1)
            return None
        if end > self._most:
            self._overflow()
        stuffed = b"" if self.dropped else bytes(self._buffer[: end + 2])
        del self._buffer[: end + len(END)]
        self._most = None
        return (self._kept or stuffed).replace(b"\r\n.", b"\r\n")[2:]

    def _overflow(self) -> None:
        """Keeps the whole lines of the first bytes where that was asked for, and drops the rest."""
        assert self._most is not None
        if self._cuts and not self.dropped:
            self._kept = bytes(self._buffer[: self._buffer.rfind(b"\r\n", 0, self._most) + 2])
        self.dropped = True
