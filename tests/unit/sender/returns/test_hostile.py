"""Whatever comes to the return door is read to its end: nothing in it raises, and what is made of it is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sender.returns.addresses import ReturnAddresses, ReturnKind
from services.sender.returns.decisions import meaning_of, named_messages
from services.sender.returns.parts import DEEPEST, LONGEST_VALUE, MOST_FIELDS, MOST_PARTS, Part, read_parts
from services.sender.returns.reports import MOST_MENTIONS, read_report
from shared.contracts.events import EventType
from tests.unit.sender.returns.corpus import NAMES, raw

ADDRESSES = ReturnAddresses(b"k" * 32)
CORPUS = [raw(name) for name in NAMES]
PIECES = [
    b"", b"\r\n", b"\n\n", b"\0", b"\xff\xfe", b"=?utf-8?q?=FF?=", b'; boundary="', b"--=_returned", b"--", b":", b";",
    b"Content-Type: multipart/report; boundary=x\r\n", b"Content-Transfer-Encoding: base64\r\n", b"charset=utf-7",
    b"Content-Type: message/rfc822\r\n\r\n", b"charset=\xf0\x9f", b"Action: failed\r\n", b"Status: 5.1.1\r\n",
    b"A" * 3000,
]  # fmt: skip
mutations = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 60), st.sampled_from(PIECES) | st.binary(max_size=8)), max_size=6
)
KINDS = (ReturnKind.BOUNCE, ReturnKind.REPLY, None)


def understood(message: bytes, sender: str) -> Any:
    """What is made of it for every kind of address; raises where anything does."""
    report = read_report(message, sender).report
    mentions = getattr(report, "mentions", ())
    assert len(mentions) <= MOST_MENTIONS + 2
    named_messages(mentions, ADDRESSES.read)
    for kind in KINDS:
        for last in (EventType.RELAYED, EventType.DELIVERED):
            meaning = meaning_of(report, kind, last)
            assert len(str(dict(meaning.data))) < 10_000
    return report


@given(st.sampled_from(CORPUS), mutations, st.sampled_from(["", "mailer-daemon@a.test", "ann@a.test"]))
def test_a_message_of_the_corpus_that_was_tampered_with_is_read(message: bytes, changes: Any, sender: str) -> None:
    for place, length, piece in changes:
        place %= len(message) + 1
        message = message[:place] + piece + message[place + length :]
    understood(message, sender)


@given(st.binary(max_size=300), st.sampled_from(["", "a@b.test"]))
def test_any_bytes_are_read(message: bytes, sender: str) -> None:
    understood(message, sender)


@pytest.mark.verify
@given(st.sampled_from(CORPUS), mutations, st.sampled_from(["", "ann@a.test"]))
@settings(max_examples=5_000)
def test_many_messages_that_were_tampered_with_are_read(message: bytes, changes: Any, sender: str) -> None:
    for place, length, piece in changes:
        place %= len(message) + 1
        message = message[:place] + piece + message[place + length :]
    understood(message, sender)


def nested(levels: int) -> bytes:
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
    return head + b"Content-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n"


def many(parts: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * parts + b"--b--\r\n"


DAEMON = b"From: mailer-daemon@a.test\r\n"
HUGE: dict[str, Callable[[], bytes]] = {
    "levels": lambda: nested(20_000),
    "parts": lambda: many(90_000),
    "parts without their ends": lambda: b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\r\n--b" * 200_000,
    "fields": lambda: b"X: y\r\n" * 170_000 + b"\r\nbody",
    "folds": lambda: b"Subject:" + b"\r\n a" * 250_000 + b"\r\n\r\nbody",
    "a field": lambda: b"Diagnostic-Code: " + b"5" * 1_000_000 + b"\r\n\r\nbody",
    "recipients": lambda: b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: delayed\r\n\r\n" * 50_000,
    "spaces in a type": lambda: b"Content-Type: a/b" + b"; " * 500_000 + b"\r\n\r\nbody",
    "blank lines": lambda: b"Content-Type: message/delivery-status\r\n\r\n" + b" \r\n" * 330_000,
    "words of a daemon": lambda: DAEMON + b"\r\nfailed addresses follow:\r\n" + b"a@" * 500_000,
    "numbers of a daemon": lambda: DAEMON + b"X-Failed-Recipients: a@b\r\n\r\n" + b"550 " * 250_000,
    "mentions": lambda: b"Content-Type: message/rfc822\r\n\r\nReturn-Path: " + b"<a@b>:" * 160_000 + b"\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("what", HUGE)
def test_a_mebibyte_of_one_thing_is_read_in_bounds(what: str) -> None:
    message = HUGE[what]()
    assert len(message) > 900_000
    for sender in ("", "ann@a.test"):
        understood(message, sender)
    read = read_parts(message)
    all_parts = list(read.walk())
    assert len(all_parts) <= MOST_PARTS + 1
    assert depth_of(read) <= DEEPEST + 1
    for part in all_parts:
        assert len(part.fields) <= MOST_FIELDS
        assert all(len(value) <= LONGEST_VALUE for _, value in part.fields)


def depth_of(part: Part) -> int:
    return 1 + max(map(depth_of, part.parts), default=0)
