"""Messages that are refused: broken lines, fields, bytes that are no text, too many parts."""

from __future__ import annotations

import email
import email.policy

import pytest

from services.ingest.acceptance.mime import LARGEST_HEADER, MOST_RECEIVED, SINGLETONS, parse_mime
from services.ingest.acceptance.mime_tree import DEEPEST, MOST_PARTS
from tests.unit.ingest.mime_messages import FROM, FULL, ID, NOW, body_of, message, parsed, refused


@pytest.mark.parametrize("name", sorted(SINGLETONS))
def test_a_field_that_may_stand_once_does_not_stand_twice(name: str) -> None:
    assert refused(message(FROM, f"{name.title()}: <a@acme.test>", f"{name}: <b@acme.test>")) == (550, "5.6.0")


@pytest.mark.parametrize("piece", [b"\r", b"\n", b"\0", b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n"])
def test_bare_line_ends_and_nul_are_refused_wherever_they_stand(piece: bytes) -> None:
    assert refused(message(*FULL, body=b"a" + piece + b"b\r\n")) == (550, "5.6.11")
    assert refused(message(*FULL, "Subject: a").replace(b": a", b": a" + piece)) == (550, "5.6.11")


@pytest.mark.parametrize("size", [998, 999, 5000])
def test_lines_are_at_most_998_octets(size: int) -> None:
    data = message(*FULL, body=b"short\r\n" * 300 + b"x" * size + b"\r\nshort\r\n")
    if size <= 998:
        assert parse_mime(data, now=NOW, new_id=ID).raw == data
    else:
        assert refused(data) == (550, "5.6.0")
        assert refused(message(*FULL, f"X-Long: {'x' * size}")) == (550, "5.6.0")


@pytest.mark.parametrize("data", [b"", b"\r\nbody\r\n", b"hello world\r\n", message("Subject: no author")])
def test_a_header_with_an_author_is_needed(data: bytes) -> None:
    assert refused(data) == (550, "5.6.0")


@pytest.mark.parametrize("line", ["no field", "Space : x", ": x", " begins with a fold", "Näme: x"])
def test_every_line_of_the_header_is_a_field(line: str) -> None:
    assert refused(message(line, FROM) if line.startswith(" ") else message(FROM, line)) == (550, "5.6.0")


def test_a_message_may_be_nothing_but_its_header() -> None:
    result = parse_mime(b"From: a@acme.test\r\nSubject: s\r\n", now=NOW, new_id=ID)
    assert body_of(result.raw) == b""
    assert result.raw.endswith(b"\r\n\r\n")


def test_a_header_has_its_bound_and_so_has_the_way_behind_it() -> None:
    assert refused(message(FROM, *["X-A: " + "x" * 900] * (LARGEST_HEADER // 900))) == (552, "5.3.4")
    received = ["Received: from a by b; Fri, 20 Nov 2026 11:59:00 +0000"] * MOST_RECEIVED
    assert parsed(FROM, *received).raw.count(b"Received:") == MOST_RECEIVED
    assert refused(message(FROM, *received, received[0])) == (554, "5.4.6")


@pytest.mark.parametrize("line", ["Content-Type: text/plain; name=ü", "References: <ü@acme.test>"])
def test_raw_utf8_is_refused_where_machines_read(line: str) -> None:
    assert refused(message(FROM, line)) == (550, "5.6.0")


def test_header_bytes_that_are_no_utf8_are_refused() -> None:
    assert refused(message(FROM, "Subject: x").replace(b": x", b": \xfc")) == (550, "5.6.0")


def multipart(parts: int, depth: int = 1) -> bytes:
    body = b"Content-Type: text/plain\r\n\r\nx\r\n"
    for level in range(depth):
        line = b"--b%d\r\n" % level
        inner = line + body if level else (line + body) * parts
        body = b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n' % level + inner + b"--b%d--\r\n" % level
    return message(*FULL, "MIME-Version: 1.0")[: -len(b"\r\nhello\r\n")] + body


def test_parts_and_levels_are_bounded() -> None:
    data = multipart(MOST_PARTS - 1)
    assert parse_mime(data, now=NOW, new_id=ID).raw == data
    assert len(list(email.message_from_bytes(data).walk())) == MOST_PARTS
    assert refused(multipart(MOST_PARTS)) == (552, "5.3.4")
    data = multipart(1, DEEPEST - 1)
    assert parse_mime(data, now=NOW, new_id=ID).raw == data
    assert len(list(email.message_from_bytes(data).walk())) == DEEPEST
    assert refused(multipart(1, DEEPEST)) == (552, "5.3.4")


def test_forwarded_messages_count_as_levels() -> None:
    body = b"\r\nx\r\n"
    for _ in range(DEEPEST):
        body = b"Content-Type: message/rfc822\r\n\r\n" + body
    assert refused(b"From: a@acme.test\r\n" + body) == (552, "5.3.4")
