"""What the lines of every message must be like before it may leave (RFC 5321 sections 2.3.8 and 4.5.3.1.6)."""

from __future__ import annotations

MAX_LINE = 998


def check_lines(message: bytes) -> None:
    """Raises ValueError for a bare CR or LF, with which messages can be smuggled, a NUL, and a line over 998 bytes."""
    ends = message.count(b"\r\n")
    if message.count(b"\r") != ends or message.count(b"\n") != ends or b"\0" in message:
        raise ValueError("a bare CR, a bare LF or a NUL in the message")
    if not message.endswith(b"\r\n"):
        raise ValueError("the last line of the message does not end in CRLF")
    place, end = 0, len(message)
    while end - place > MAX_LINE + 2:  # from line end to line end, as far apart as they may be
        found = message.rfind(b"\n", place, place + MAX_LINE + 2)
        if found < 0:
            raise ValueError(f"a line over {MAX_LINE} bytes in the message")
        place = found + 1


class LineCheck:
    """`check_lines` for a message that comes in blocks, however it is cut. Raises ValueError as that does."""

    def __init__(self) -> None:
        self._rest = b""

    def update(self, block: bytes) -> None:
        data = self._rest + block if self._rest else block
        end = data.rfind(b"\r\n") + 2
        if end >= 2:
            check_lines(data[:end])
            data = data[end:]
        if len(data) > MAX_LINE + 1:  # CR may be there already
            raise ValueError(f"a line over {MAX_LINE} bytes in the message")
        self._rest = data

    def finish(self) -> None:
        check_lines(self._rest or b"\r\n")
