"""A message in blocks is the message: wherever it is cut, what is written, checked and filled in is the same."""

from __future__ import annotations

import smtplib
from base64 import encodebytes
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sender.mail.personal import MarkFilling
from services.sender.smtp.body import DotStuffing
from shared.links import Link, mark, personalised
from shared.mail.encodings import Base64Lines, base64_lines
from shared.mail.lines import LineCheck, check_lines

CUTS = st.lists(st.integers(0, 200), max_size=10)
TEXT = st.lists(st.sampled_from([b"\r\n", b".", b"..", b"a", b" ", b"\r\n.\r\n"]), max_size=60).map(b"".join)
NONCE = "0123456789abcdef"
URLS = [b"https://a.test/", b""]


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, *(min(each, len(data)) for each in cuts), len(data)})
    return [data[begin:end] for begin, end in pairwise(places)]


@given(TEXT, CUTS)
@example(b".\r\n.\r\n..", [1, 2, 3, 4])
def test_dots_are_doubled_as_smtplib_does(text: bytes, cuts: list[int]) -> None:
    stuffing = DotStuffing()
    written = b"".join(map(stuffing.update, cut(text, cuts)))
    assert written == smtplib._quote_periods(text)  # type: ignore[attr-defined]


@given(st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b"\0", b"a", b"b" * 498]), max_size=12).map(b"".join), CUTS)
@example(b"a" * 998 + b"\r\n", [999])
@example(b"a" * 999 + b"\r\n", [500])
@example(b"", [])
def test_lines_are_judged_as_a_whole_message_is(message: bytes, cuts: list[int]) -> None:
    check = LineCheck()

    def in_blocks() -> None:
        for block in cut(message, cuts):
            check.update(block)
        check.finish()

    try:
        check_lines(message or b"\r\n")
    except ValueError:
        with pytest.raises(ValueError, match=r"bare|line"):
            in_blocks()
    else:
        in_blocks()


@given(st.binary(max_size=500), CUTS)
def test_base64_is_that_of_the_standard_library(data: bytes, cuts: list[int]) -> None:
    encoder = Base64Lines()
    blocks = [block for piece in cut(data, cuts) for block in encoder.update(piece)] + encoder.finish()
    assert b"".join(blocks) == encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")


def test_large_files_come_in_blocks_that_a_write_takes() -> None:
    assert max(map(len, base64_lines(bytes(300_000)))) <= 64 * 1024


MARKED = st.lists(
    st.sampled_from([mark(NONCE, 0).encode(), mark(NONCE, 1).encode(), NONCE.encode(), b":0", b"x", b"\r\n"])
).map(b"".join)


@given(MARKED, CUTS)
@example(mark(NONCE, 0).encode() * 2, [1, 20, 21, 22, 41])
@example(mark(NONCE, 12).encode(), [5])
def test_marks_are_filled_in_wherever_they_are_cut(text: bytes, cuts: list[int]) -> None:
    filling = MarkFilling(NONCE, URLS)
    filled = b"".join(map(filling.update, cut(text, cuts))) + filling.finish()
    links = [Link(kind="open", url=url.decode()) for url in URLS]
    assert filled.decode() == personalised(text.decode(), NONCE, links, lambda link: link["url"])
