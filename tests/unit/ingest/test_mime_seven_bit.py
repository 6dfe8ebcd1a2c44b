"""8-bit messages in 7 bits, read back with Python's email package: the same texts and files, or the same message."""

from __future__ import annotations

import email.policy
from email import message_from_bytes
from email.message import EmailMessage, Message
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.acceptance.mime_seven_bit import in_seven_bits
from shared.mail.lines import check_lines

POLICY = email.policy.SMTP.clone(cte_type="8bit")
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=200)
CHARSETS = {"utf-8": "ü日", "iso-8859-1": "ü", "windows-1251": "ж"}


def read(raw: bytes) -> list[tuple[str, str | None, bytes]]:
    """Every leaf: its type, its charset, and what it holds."""
    parsed: Message[Any, Any] = message_from_bytes(raw, policy=POLICY)
    leaves = []
    for part in parsed.walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            leaves.append((part.get_content_type(), part.get_content_charset(), payload))
    return leaves


def mail(*parts: tuple[str, str], nested: bool = False) -> EmailMessage:
    """A text with files of text, 8bit all of them."""
    made = EmailMessage(policy=POLICY)
    made["From"], made["Subject"] = "a@acme.test", "s"
    (text, subtype), *files = parts
    made.set_content(text, subtype=subtype, cte="8bit")
    for text, subtype in files:
        made.add_attachment(text, subtype=subtype, cte="8bit", filename="f.txt")
    if nested:
        outer = mail(("around ü\n", "plain"))
        outer.add_attachment(made)
        return outer
    return made


PARTS = st.lists(st.tuples(TEXT, st.sampled_from(["plain", "html", "csv"])), min_size=1, max_size=4)


@settings(deadline=None)
@given(PARTS, st.booleans())
def test_every_part_says_what_it_said(parts: list[tuple[str, str]], nested: bool) -> None:
    raw = mail(*parts, nested=nested).as_bytes()
    try:
        check_lines(raw)
    except ValueError:
        return  # not to be had over SMTP
    result = in_seven_bits(raw)
    assert result.isascii()
    check_lines(result)
    # what ends the message ends its last line
    before, after = read(raw), read(result)
    assert [(type_, charset) for type_, charset, _ in before] == [(type_, charset) for type_, charset, _ in after]
    assert [data.rstrip(b"\r\n") for *_, data in before] == [data.rstrip(b"\r\n") for *_, data in after]
    assert in_seven_bits(result) is result


@pytest.mark.parametrize("charset", CHARSETS)
def test_whatever_the_charset_the_bytes_are_the_same(charset: str) -> None:
    text = CHARSETS[charset] * 3
    header = f"From: a@acme.test\r\nContent-Type: text/plain; charset={charset}\r\n\r\n".encode()
    ((_, named, data),) = read(in_seven_bits(header + text.encode(charset) + b"\r\n"))
    assert (named, data) == (charset, text.encode(charset) + b"\r\n")


@pytest.mark.parametrize(
    ("text", "encoding"), [("mostly ASCII, and one ü", "quoted-printable"), ("日本語の本文です", "base64")]
)
def test_the_shorter_encoding_is_taken(text: str, encoding: str) -> None:
    result = in_seven_bits(f"From: a@acme.test\r\n\r\n{text}\r\n".encode())
    assert message_from_bytes(result)["Content-Transfer-Encoding"] == encoding


def test_what_is_ascii_stays_byte_for_byte_beside_what_is_converted() -> None:
    plain = b"Content-Type: text/plain\r\n\r\nas  it \t is\r\n"
    raw = (
        b"From: a@acme.test\r\nContent-Type: multipart/mixed; boundary=bb\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        b"preamble\r\n--bb\r\n" + plain + b"--bb\r\nContent-Type: text/x\r\nX-Own: 1\r\n\r\n\xfc\r\n--bb--\r\nend\r\n"
    )
    assert in_seven_bits(raw) == raw.replace(b": 8bit", b": 7bit").replace(
        b"X-Own: 1\r\n\r\n\xfc", b"X-Own: 1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=FC"
    )


def test_a_soft_line_break_makes_no_boundary() -> None:
    body = b"\xfc" + b"x" * 71 + b"--bb\r\n" + b"y" * 400
    raw = b"From: a@x\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\n" + body + b"\r\n--bb--\r\n"
    result = in_seven_bits(raw)
    assert result.isascii()
    assert read(result)[0][2] == body


WHOLE = b"From: a@x\r\nContent-Type: %s\r\n%s\r\n%s\r\n"
MIXED = b"multipart/mixed; boundary=bb"


@pytest.mark.parametrize(
    "raw",
    [
        WHOLE % (b"text/plain", b"DKIM-Signature: v=1\r\n", b"\xfc"),
        WHOLE % (b"multipart/signed; boundary=bb", b"", b"--bb\r\n\r\n\xfc\r\n--bb--"),
        WHOLE % (MIXED, b"", b"--bb\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\n\r\n\xfc\r\n--bb--"),
        WHOLE % (MIXED, b"", b"\xfc\r\n--bb\r\n\r\nx\r\n--bb--"),
        WHOLE % (MIXED, b"", b"--bb\r\nContent-Type: text/plain; name=\xfc\r\n\r\n\xfc\r\n--bb--"),
        WHOLE % (b"multipart/mixed", b"", b"--bb\r\n\r\n\xfc\r\n--bb--"),
        WHOLE % (b"text/plain", b"Content-Transfer-Encoding: base64\r\n", b"\xfc"),
        WHOLE % (b"text/plain", b"Content-Transfer-Encoding: x-own\r\n", b"\xfc"),
        WHOLE % (b"text/plain", b"Content-Transfer-Encoding: 8bit\r\n" * 2, b"\xfc"),
        WHOLE % (b"message/delivery-status", b"", b"Reporting-MTA: dns; \xfc"),
        WHOLE % (b"message/rfc822", b"", b"Subject: \xfc\r\n\r\nx"),
    ],
    ids=["signed", "signed by MIME", "signed within", "between parts", "a part's header", "no boundary",
         "no base64", "unknown encoding", "two encodings", "another message type", "a header within"],
)  # fmt: skip
def test_what_cannot_be_converted_for_sure_stays_as_it_is(raw: bytes) -> None:
    assert in_seven_bits(raw) is raw
