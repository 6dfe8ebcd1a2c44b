"""The short way through an address gives what the full check gives."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from shared.addresses import PLAIN, REFUSED_TOP, InvalidAddressError, Mailbox, parse_address, parse_mailbox

LABEL = st.text("abcxyz09-", min_size=1, max_size=70)
DOMAIN = st.lists(LABEL, min_size=1, max_size=6).map(".".join)
TOP = st.sampled_from(["com", "test", "example", "local", "arpa", "onion", "c", "1a", "xn--p1ai", "invalid"])
LOCAL = st.text("abcxyz09+-_.", min_size=1, max_size=70)
ADDRESSES = st.builds(lambda local, domain, top: f"{local}@{domain}.{top}", LOCAL, DOMAIN, TOP)


def fully_checked(text: str) -> str | None:
    try:
        checked = validate_email(
            text, check_deliverability=False, strict=True, allow_quoted_local=False, test_environment=True
        )
    except EmailNotValidError:
        return None
    return f"{checked.ascii_local_part}@{checked.ascii_domain.lower()}"


@given(ADDRESSES)
@example("a@b.test")
@example("a" * 65 + "@b.test")
@example("a" * 64 + "@" + "b" * 63 + ".com")
@example("a@" + "b" * 64 + ".com")
@example("a@" + ".".join(["b" * 60] * 4) + ".com")
@example("a@x.local")
@example("a@xn--a.com")
@example("a..b@c.com")
@example("a@-b.com")
@example("postmaster@b.com")
def test_what_is_plain_is_valid_and_stays_as_it_is(text: str) -> None:
    try:
        parsed = parse_address(text)
    except InvalidAddressError:
        parsed = None
    assert parsed == fully_checked(text)


def test_the_short_way_is_taken_for_the_usual_address_and_not_for_special_names() -> None:
    assert PLAIN.fullmatch("first.last+tag@mail.example.com")
    assert {"local", "localhost", "invalid", "onion", "arpa"} <= REFUSED_TOP
    with pytest.raises(InvalidAddressError):
        parse_address("a@b.local")


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("a@B.test", Mailbox(None, "a@b.test")),
        ("Name <a@b.test>", Mailbox("Name", "a@b.test")),
        ('"Last, First" <A@b.test>', Mailbox("Last, First", "A@b.test")),
        ("<a@b.test>", Mailbox(None, "a@b.test")),
        (" a@b.test ", Mailbox(None, "a@b.test")),
        ("a@bücher.test", Mailbox(None, "a@xn--bcher-kva.test")),
    ],
)
def test_mailboxes(text: str, mailbox: Mailbox) -> None:
    assert parse_mailbox(text) == mailbox


@pytest.mark.parametrize(
    "text",
    [
        "=?utf-8?q?x?=@example.test",
        "",
        "a",
        "a@",
        "@b.test",
        "a@b",
        "a b@c.test",
        "a@b.test\n",
        "A\n<a@b.test>",
        "a@b.test>",
        "<a@b.test",
        "x" * 2000,
    ],
)
def test_what_is_no_mailbox(text: str) -> None:
    with pytest.raises(InvalidAddressError):
        parse_mailbox(text)
