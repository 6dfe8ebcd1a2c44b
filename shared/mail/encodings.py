"""Content-transfer-encodings (RFC 2045 section 6), written in lines that need no further folding."""

from __future__ import annotations

from binascii import b2a_base64, b2a_qp

SOFT_LINE = 76
_LINE_BYTES = SOFT_LINE // 4 * 3
BASE64_BLOCK = _LINE_BYTES * 840  # whole lines, which take less than 64 KiB when they are encoded


class Base64Lines:
    """Base64 of bytes that come in pieces: lines of 76, CRLF between them, none after the last (section 6.8)."""

    def __init__(self) -> None:
        self._rest = b""
        self._some = False

    def update(self, data: bytes) -> list[bytes]:
        """What can be written of it now, in blocks of whole lines and at most 64 KiB; the rest is kept."""
        if self._rest:
            data = self._rest + data
        end = len(data) - len(data) % _LINE_BYTES
        self._rest = data[end:]
        return [self._lines(data[at : min(at + BASE64_BLOCK, end)]) for at in range(0, end, BASE64_BLOCK)]

    def finish(self) -> list[bytes]:
        """What is left of it."""
        return [self._lines(self._rest)] if self._rest else []

    def _lines(self, data: bytes) -> bytes:
        encoded = b2a_base64(data, newline=False)
        lines = [encoded[at : at + SOFT_LINE] for at in range(0, len(encoded), SOFT_LINE)]
        if self._some:
            lines.insert(0, b"")
        self._some = True
        return b"\r\n".join(lines)


def base64_lines(data: bytes) -> list[bytes]:
    """Bytes that are there whole as base64, in pieces: a large file is never split into its lines at once."""
    encoder = Base64Lines()
    return [*encoder.update(data), *encoder.finish()]


def quoted_printable(data: bytes) -> bytes:
    """Quoted-printable whose decoding gives just these bytes: CRLF alone is a line break (section 6.7).

    Lines are at most 75 long, so that a soft break fits behind the last one.
    """
    lines = (b2a_qp(line, istext=False) for line in data.split(b"\r\n"))
    return b"\r\n".join(line.replace(b"=\n", b"=\r\n") for line in lines)
