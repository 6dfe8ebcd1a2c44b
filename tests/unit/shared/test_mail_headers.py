"""Header fields against Python's own parser: what is written is what is read, in lines that every host takes."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import SMTP

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.mail.headers import ComposeError, address_of, field, mailboxes

PRINTABLE = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029")
TEXTS = st.text(PRINTABLE, max_size=300).map(lambda text: text.strip())
ENCODED_WORD = re.compile(rb"=\?utf-8\?([bq])\?[^? \r\n]*\?=")
LONG_URL = "<https://shop.test/unsubscribe/" + "a1-_~%2F" * 60 + ">, <mailto:u@shop.test>"


def read(raw: bytes, name: str) -> str:
    value = message_from_bytes(raw + b"\r\n", policy=SMTP)[name]
    assert value is not None
    return str(value)


def assert_lines(raw: bytes) -> None:
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")
    lines = raw.removesuffix(b"\r\n").split(b"\r\n")
    assert all(len(line) <= 998 for line in lines)
    assert all(line[:1] in (b" ", b"\t") and line.strip() for line in lines[1:])
    for line in lines:
        if ENCODED_WORD.search(line):
            assert len(line) <= 76 or b" " in line.strip()
        for word in ENCODED_WORD.finditer(line):
            assert len(word.group()) <= 75


@given(TEXTS)
@example("Grüße =?utf-8?q?x?= " * 9 + "x")
@example("x" * 2000)
@example("ab  cd\te " * 40 + "x")
def test_a_subject_is_read_as_it_was_written(text: str) -> None:
    raw = field("Subject", text, encode_long_words=True)
    assert_lines(raw)
    assert read(raw, "Subject") == text


@given(st.text(PRINTABLE.filter(lambda c: ord(c) > 127), min_size=1, max_size=120))
def test_no_character_is_split_between_encoded_words(text: str) -> None:
    for word in field("Subject", text).split(b"\r\n"):
        found = ENCODED_WORD.search(word)
        if found:
            assert "\ufffd" not in read(b"Subject: " + found.group() + b"\r\n", "Subject") or "\ufffd" in text


def test_ascii_is_never_encoded_and_a_long_url_stays_whole() -> None:
    raw = field("List-Unsubscribe", LONG_URL)
    assert b"=?" not in raw
    assert LONG_URL.split(",")[0].encode() in raw
    assert_lines(raw)


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y.test", "a\nb", "a\0b", "a\x7fb", "\ud800"])
def test_a_control_character_is_refused(value: str) -> None:
    with pytest.raises(ComposeError):
        field("X-Note", value)
    with pytest.raises(ComposeError):
        mailboxes("To", [f"{value} <a@b.test>"])


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\r\nBcc", "Ü", "x" * 77])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ComposeError):
        field(name, "x")


def test_a_line_that_cannot_be_folded_is_refused() -> None:
    with pytest.raises(ComposeError, match="998"):
        field("X-Token", "x" * 999)


NAMES = st.text(PRINTABLE.filter(lambda c: c not in "<>"), max_size=100).map(lambda name: " ".join(name.split()))


@given(st.lists(NAMES.filter(lambda n: '"' not in n and "\\" not in n), min_size=1, max_size=6))
@example(["Doe, Jane", "", "Jörg O'Neill (Sales)<", "=?utf-8?q?x?=", "a.b", "x" * 200])
def test_mailboxes_are_read_as_they_were_written(names: list[str]) -> None:
    names = [name.replace("<", "") for name in names]
    addresses = [f"user{number}@example.test" for number in range(len(names))]
    values = [f"{name} <{address}>" if name else address for name, address in zip(names, addresses, strict=True)]
    raw = mailboxes("To", values)
    assert_lines(raw)
    parsed = message_from_bytes(raw + b"\r\n", policy=SMTP)["To"].addresses
    assert [address.addr_spec for address in parsed] == addresses
    # Python keeps the space between two encoded words of a phrase, which RFC 2047 section 6.2 says to drop.
    assert ["".join(address.display_name.split()) for address in parsed] == ["".join(name.split()) for name in names]


@given(NAMES.filter(lambda name: not name.isascii()))
@example("Grüße aus dem sehr langen Namen eines sehr kleinen Ladens in der Straße der Umlaute, Größe ß")
def test_a_name_in_several_encoded_words_is_one_name(name: str) -> None:
    raw = mailboxes("From", [f"{name} <a@b.test>"])
    value = raw.removeprefix(b"From: ").decode()
    assert str(make_header(decode_header(value))).strip() == f"{name} <a@b.test>"


def test_a_name_that_comes_quoted_is_unquoted_first() -> None:
    raw = mailboxes("From", ['"Doe, \\"J\\"" <a@b.test>'])
    assert message_from_bytes(raw, policy=SMTP)["From"].addresses[0].display_name == 'Doe, "J"'


@pytest.mark.parametrize("mailbox", ["", "Jane <>", "Jane <a@b.test>, x@y.test", "a b@c.test"])
def test_a_mailbox_that_is_none_or_two_is_refused(mailbox: str) -> None:
    with pytest.raises(ComposeError):
        mailboxes("From", [mailbox])


def test_the_address_of_a_mailbox() -> None:
    assert address_of("Jane <j@x.test>") == address_of(" j@x.test ") == "j@x.test"
