"""Signatures against dkimpy: whatever is signed verifies, and nothing that counts can be added to it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from unittest.mock import ANY

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.sender.mail.canonical import body_hash
from services.sender.mail.dkim import SIGNED, Signer, sign
from shared.dkim_keys import generate_ed25519_key, generate_key
from shared.mail.compose import split_message

NOW = datetime.now(UTC)
SHORT_KEY = """-----BEGIN PRIVATE KEY-----
MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEAqYgclMJfbeoTyabC
dlBc9UMH9AyLMRmZPGl8vVmQ4YTtrrN+vUR+heXPlETR16MBFuARQV9Gdv1Pzb74
ZnfFoQIDAQABAkEAqQj2/nhj8FMh0cF9SbzNQxrH1lWff6B3gp3na2DfrYtehXbD
G34nPubVFWBJzDmnBxGglVmBiZsoQr5tzjefhQIhANBnEkewoQlyQlYLn8NBfWYH
/66AuNWlh4mfpL8ShVQXAiEA0EBTe3tw3ZeP0uMaLMsrt11GORSU+OXgT8zg/xTX
7wcCIDMr29U2jZQgNiGioQv0nLHc7O8QNFJhXrJwPKeeCJbpAiBlt/XO68V+Rwh2
Hn1rgbWRs9qYCOiXBllhQRZpIbozQwIhAMsVag6Ch7oedldG/I+OyF53t9LfZqU/
l5rMsAa2HXMm
-----END PRIVATE KEY-----
"""
COUNT = (
    *("from", "to", "cc", "subject", "date", "reply-to", "sender", "message-id", "mime-version", "content-type"),
    *("list-unsubscribe", "list-unsubscribe-post"),
)
SHOWN = ("content-transfer-encoding", "in-reply-to", "references", "list-id", "feedback-id", "auto-submitted")
MESSAGE = b"From: a@shop.test\r\nTo: b@x.test\r\nSubject: Hi\r\nDate: x\r\n\r\nbody\r\n"


@cache
def signers() -> Sequence[Signer]:
    """A tenant's RSA and Ed25519 keys, and the platform's."""
    return (
        Signer("shop.test", "s1", generate_key()[0]),
        Signer("shop.test", "e1", generate_ed25519_key()[0]),
        Signer("platform.test", "p1", generate_key(1024)[0]),
    )


@cache
def records() -> dict[bytes, bytes]:
    return {f"{one.selector}._domainkey.{one.domain}.".encode(): one.record.encode() for one in signers()}


def verified(message: bytes) -> list[bool]:
    """What dkimpy says of each signature, from the top."""
    found = dkim.DKIM(message)
    count = sum(name.lower() == b"dkim-signature" for name, _ in found.headers)

    def of(index: int) -> bool:
        try:
            return bool(found.verify(index, dnsfunc=lambda name, timeout=5: records().get(name)))
        except dkim.DKIMException:
            return False

    return [of(index) for index in range(count)]


def signed(message: bytes, by: Sequence[Signer] | None = None) -> bytes:
    header, body = split_message(message)
    return sign(by or signers(), header, body_hash(body), now=NOW) + message


def tags(field: bytes) -> dict[str, str]:
    value = field.partition(b":")[2].decode()
    parts = ("".join(part.split()) for part in value.split(";"))
    return dict(part.split("=", 1) for part in parts)


NAMES = [*SIGNED[1:], "x-other", "Received", "SUBJECT", "Dkim-Signatures", "To "]
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60).filter(str.strip)
FOLDED = st.lists(VALUES, min_size=1, max_size=3).map(lambda parts: "\r\n\t ".join(parts))
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES[:-1]), FOLDED), max_size=12)
LINES = st.lists(
    st.text(
        st.one_of(st.sampled_from("ab \t.="), st.characters(codec="utf-8", exclude_characters="\r\n\0")), max_size=40
    )
)


@settings(max_examples=200, deadline=None)
@given(FIELDS, LINES, st.booleans())
@example([("subject", "one"), ("subject", "two"), ("to", "a")], ["", " ", "x  y\t", "", ""], True)
@example([("to", " a \t b "), ("to", "\tc")], [], False)
@example([], ["\x0b \x0c", "\x85", " \x1c"], False)
def test_dkimpy_verifies_whatever_is_signed(fields: list[tuple[str, str]], lines: list[str], first: bool) -> None:
    author = ("From", "a@shop.test")
    header = "".join(f"{name}: {value}\r\n" for name, value in ([author, *fields] if first else [*fields, author]))
    body = "".join(f"{line}\r\n" for line in lines)
    assert verified(signed(header.encode() + b"\r\n" + body.encode())) == [True, True, True]


def test_the_tags() -> None:
    found = [tags(field) for field in sign(signers(), *split_hashed(MESSAGE), now=NOW).split(b"DKIM-Signature")[1:]]
    assert [list(each) for each in found] == [["v", "a", "c", "d", "s", "t", "x", "h", "bh", "b"]] * 3
    shared = {"v": "1", "c": "relaxed/relaxed", "t": ANY, "x": ANY, "h": ANY, "bh": ANY, "b": ANY}
    assert found[0] == shared | {"a": "rsa-sha256", "d": "shop.test", "s": "s1"}
    assert found[1] == shared | {"a": "ed25519-sha256", "d": "shop.test", "s": "e1"}
    assert found[2] == shared | {"a": "rsa-sha256", "d": "platform.test", "s": "p1"}
    assert int(found[0]["x"]) - int(found[0]["t"]) == 7 * 24 * 3600
    names = found[0]["h"].split(":")
    assert all(name in names for name in COUNT)
    assert names.count("from") == names.count("subject") == 2
    assert "references" not in names
    assert [len(b64decode(each["b"])) for each in found] == [256, 64, 128]


def split_hashed(message: bytes) -> tuple[bytes, str]:
    header, body = split_message(message)
    return header, body_hash(body)


def test_the_fields_are_folded() -> None:
    fields = sign(signers(), *split_hashed(MESSAGE), now=NOW)
    assert fields.endswith(b"\r\n")
    assert all(len(line) <= 80 for line in fields.split(b"\r\n"))
    assert fields.count(b"\n") == fields.count(b"\r\n")


@pytest.mark.parametrize("name", COUNT)
@pytest.mark.parametrize("present", [0, 1, 2])
def test_no_field_that_counts_can_be_added(name: str, present: int) -> None:
    """Receivers differ in which of several fields they show: one that was added may be the one that is read."""
    field = f"{name}: c@x.test\r\n".encode()
    message = b"From: a@shop.test\r\n" + field * present + b"\r\nbody\r\n"
    sent = signed(message)
    assert verified(sent) == [True] * 3
    assert verified(field + sent) == [False] * 3
    begin = sent.index(b"From: a@shop.test")
    assert verified(sent[:begin] + field + sent[begin:]) == [False] * 3


@pytest.mark.parametrize("name", SHOWN)
def test_no_field_that_is_signed_can_be_changed(name: str) -> None:
    sent = signed(f"From: a@shop.test\r\n{name}: one\r\n\r\n".encode())
    assert verified(sent) == [True] * 3
    assert verified(sent.replace(b": one", b": two")) == [False] * 3


def test_of_several_instances_the_lowest_is_signed_first() -> None:
    """RFC 6376 section 5.4.2: a relay may put fields on top, never below."""
    sent = signed(b"From: a@shop.test\r\nReferences: <1@x>\r\nReferences: <2@x>\r\n\r\n")
    assert verified(b"References: <0@x>\r\n" + sent) == [True] * 3
    assert verified(sent.replace(b"<2@x>\r\n", b"<2@x>\r\nReferences: <3@x>\r\n")) == [False] * 3
    assert verified(sent.replace(b"<1@x>", b"<3@x>").replace(b"<2@x>", b"<1@x>")) == [False] * 3


def test_a_changed_body_is_noticed_and_nothing_may_follow_it() -> None:
    assert verified(signed(MESSAGE) + b"more\r\n") == [False] * 3
    assert b"; l=" not in signed(MESSAGE)


def test_a_signature_that_the_message_came_with_stays_valid() -> None:
    """Each stands by itself, in whatever order they were put on."""
    tenant, *others = signers()
    assert verified(signed(signed(MESSAGE, [tenant]), others)) == [True, True, True]


@pytest.mark.parametrize("pem", ["no key", generate_private_key(SECP256R1()).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), b""])  # fmt: skip
def test_what_is_no_key_is_refused(pem: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"PEM|RSA or an Ed25519"):
        Signer("shop.test", "s1", pem)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="1024"):
        generate_key(512)
    with pytest.raises(ValueError, match="RFC 8301"):
        Signer("shop.test", "s1", SHORT_KEY)
