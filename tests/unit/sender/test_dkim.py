"""Signatures against dkimpy, and the known answers of RFC 6376."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime
from functools import cache

import dkim
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.sender.mail.dkim import OVERSIGNED, SIGNED, Signer, body_hash
from shared.dkim_keys import generate_key, txt_record

NOW = datetime.now(UTC)
MESSAGE = b"From: a@shop.test\r\nTo: b@x.test\r\nSubject: Hi\r\nDate: x\r\n\r\nbody\r\n"


@cache
def key() -> tuple[str, str]:
    return generate_key()


@cache
def signer() -> Signer:
    return Signer("shop.test", "s1", key()[0])


def verifies(message: bytes) -> bool:
    record = txt_record(key()[1]).encode()
    return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: record))


def signed(message: bytes) -> bytes:
    return signer().sign(message, now=NOW) + message


def tags(field: bytes) -> dict[str, str]:
    value = field.partition(b":")[2].decode()
    parts = ("".join(part.split()) for part in value.split(";"))
    return dict(part.split("=", 1) for part in parts)


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n", b" \r\n\t\r\n"])
def test_the_hash_of_an_empty_body(body: bytes) -> None:
    assert body_hash(body) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # RFC 6376 section 3.4.4


def test_the_relaxed_body_of_the_standard() -> None:
    # RFC 6376 section 3.4.5: " C \r\nD \t E\r\n\r\n\r\n" becomes " C\r\nD E\r\n".
    assert body_hash(b" C \r\nD \t E\r\n\r\n\r\n") == body_hash(b" C\r\nD E\r\n") == body_hash(b" C\r\nD E")


VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60).filter(str.strip)
FOLDED = st.lists(VALUES, min_size=1, max_size=3).map(lambda parts: "\r\n\t ".join(parts))
FIELDS = st.lists(st.tuples(st.sampled_from([*SIGNED[1:], "x-other", "Received", "SUBJECT"]), FOLDED), max_size=12)
LINES = st.lists(st.text(st.sampled_from("ab \t.=ü"), max_size=12), max_size=8)


@settings(max_examples=150, deadline=None)
@given(FIELDS, LINES)
@example([("subject", "one"), ("subject", "two"), ("to", "a")], ["", " ", "x  y\t", "", ""])
def test_dkimpy_verifies_whatever_is_signed(fields: list[tuple[str, str]], lines: list[str]) -> None:
    header = "".join(f"{name}: {value}\r\n" for name, value in [*fields, ("From", "a@shop.test")])
    body = "".join(f"{line}\r\n" for line in lines)
    assert verifies(signed(header.encode() + b"\r\n" + body.encode()))


def test_the_tags() -> None:
    found = tags(signer().sign(MESSAGE, now=NOW))
    assert list(found) == ["v", "a", "c", "d", "s", "t", "x", "h", "bh", "b"]
    assert (found["v"], found["a"], found["c"], found["d"], found["s"]) == (
        "1",
        "rsa-sha256",
        "relaxed/relaxed",
        "shop.test",
        "s1",
    )
    assert int(found["x"]) - int(found["t"]) == 7 * 24 * 3600
    names = found["h"].split(":")
    assert all(name in names for name in OVERSIGNED)
    assert names.count("from") == names.count("subject") == 2
    assert "references" not in names
    assert len(b64decode(found["b"])) == 256


def test_the_field_is_folded() -> None:
    field = signer().sign(MESSAGE, now=NOW)
    assert field.endswith(b"\r\n")
    assert all(len(line) <= 80 for line in field.split(b"\r\n"))
    assert field.count(b"\n") == field.count(b"\r\n")


@pytest.mark.parametrize(
    "added", [b"Subject: other\r\n", b"From: c@x.test\r\n", b"List-Unsubscribe-Post: x\r\n", b"Reply-To: c@x.test\r\n"]
)
def test_nothing_that_counts_can_be_added(added: bytes) -> None:
    assert verifies(signed(MESSAGE))
    assert not verifies(added + signed(MESSAGE))


def test_a_changed_body_is_noticed_and_two_signatures_stand_side_by_side() -> None:
    assert not verifies(signed(MESSAGE) + b"more\r\n")
    twice = Signer("platform.test", "p", key()[0]).sign(MESSAGE, now=NOW) + signed(MESSAGE)
    assert verifies(twice)
    record = txt_record(key()[1]).encode()
    assert dkim.DKIM(twice).verify(idx=1, dnsfunc=lambda name, timeout=5: record)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match="PEM"):
        Signer("shop.test", "s1", "no key")
    with pytest.raises(ValueError, match="1024"):
        generate_key(512)
