"""Whole messages, and what is read from them or said against them."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime

import pytest

from services.ingest.acceptance.mime import MimeError, MimeMessage, parse_mime

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ID = "01a1ff9b-0072-73ed-a9d5-cc6701713794"
FROM = "From: alerts@acme.test"
FULL = (FROM, "Date: Fri, 20 Nov 2026 12:00:00 +0000", "Message-ID: <1@acme.test>")


def message(*lines: str, body: bytes = b"hello\r\n") -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def parsed(*lines: str, body: bytes = b"hello\r\n", smtputf8: bool = False) -> MimeMessage:
    return parse_mime(message(*lines, body=body), now=NOW, new_id=ID, smtputf8=smtputf8)


def refused(data: bytes) -> tuple[int, str]:
    with pytest.raises(MimeError) as caught:
        parse_mime(data, now=NOW, new_id=ID)
    assert str(caught.value)
    return caught.value.code, caught.value.enhanced


def fields_of(raw: bytes) -> list[tuple[str, str]]:
    return [(name, value) for name, value in email.message_from_bytes(raw, policy=email.policy.compat32).items()]


def body_of(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[2]
