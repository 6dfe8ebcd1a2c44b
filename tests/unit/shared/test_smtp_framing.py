"""Where messages and commands end on the wire, in whatever pieces they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.smtp.framing import LONGEST_LINE, BareLineEndError, Framer, LineTooLongError

lines = st.lists(st.binary(max_size=12).map(lambda line: line.translate(None, b"\r\n")), max_size=6)
wild = st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\0"]), max_size=14).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def content_of(pieces: list[bytes], most: int = 10_000) -> tuple[bytes | None, Framer]:
    framer = Framer()
    framer.begin_content(most)
    content = None
    for piece in pieces:
        framer.feed(piece)
        if content is None:
            content = framer.content()
    return content, framer


@given(lines, st.lists(st.integers(0, 200), max_size=8))
def test_dots_are_stuffed_and_taken_out_again(given_lines: list[bytes], places: list[int]) -> None:
    content = b"".join(line + b"\r\n" for line in given_lines)
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in given_lines)
    assert content_of(cut(stuffed + b".\r\nQUIT\r\n", places))[0] == content


@given(wild, st.lists(st.integers(0, 200), max_size=6))
def test_nothing_but_crlf_dot_crlf_ends_a_message(content: bytes, places: list[int]) -> None:
    """The first true end counts, in the eyes of a search over the whole."""
    sent = content + b"\r\n.\r\nRSET\r\n"
    end = (b"\r\n" + sent).find(b"\r\n.\r\n")
    found, framer = content_of(cut(sent, places))
    assert found == (b"\r\n" + sent)[: end + 2].replace(b"\r\n.", b"\r\n")[2:]
    assert framer.pending == len(sent) + 2 - (end + 5)


@pytest.mark.parametrize("most", [9, 10, 11])
def test_a_message_over_its_bound_is_read_to_its_end_but_not_kept(most: int) -> None:
    for pieces in ([b"12345678\r\n.\r\nRSET\r\n"], [bytes([byte]) for byte in b"12345678\r\n.\r\nRSET\r\n"]):
        content, framer = content_of(pieces, most)
        assert content == (b"12345678\r\n" if most >= 10 else b"")
        assert framer.dropped == (most < 10)
        assert framer.line() == b"RSET"


def test_what_is_dropped_takes_no_memory() -> None:
    framer = Framer()
    framer.begin_content(1000)
    for _ in range(100):
        framer.feed(b"x" * 1000)
        assert framer.content() is None
        assert framer.pending < 2100
    framer.feed(b"\r\n.\r\n")
    assert (framer.content(), framer.dropped) == (b"", True)


def test_a_message_without_room_is_read_to_its_end_although_that_came_with_it() -> None:
    framer = Framer()
    framer.begin_content(1000)
    framer.feed(b"hello\r\n.\r\n")
    framer.drop()
    assert (framer.content(), framer.pending) == (b"", 0)


@given(st.lists(st.binary(max_size=9).map(lambda line: line.translate(None, b"\r\n\0")), max_size=4))
def test_commands_are_lines(commands: list[bytes]) -> None:
    framer = Framer()
    for byte in b"".join(line + b"\r\n" for line in commands):
        framer.feed(bytes([byte]))
    assert [framer.line() for _ in commands] == commands
    assert framer.line() is None


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\rOP\r\n", b"NOOP\r\r\n", b"NO\0OP\r\n", b"\n", b"NOOP\n\r\n"])
def test_a_command_with_a_bare_line_end_is_none(line: bytes) -> None:
    framer = Framer()
    framer.feed(line)
    with pytest.raises(BareLineEndError):
        framer.line()


@pytest.mark.parametrize("line", [b"x" * (LONGEST_LINE + 1), b"x" * (LONGEST_LINE + 1) + b"\r\n"])
def test_a_command_has_its_bound(line: bytes) -> None:
    framer = Framer()
    framer.feed(line)
    with pytest.raises(LineTooLongError):
        framer.line()


@given(lines, st.integers(0, 60), st.lists(st.integers(0, 200), max_size=8))
def test_a_message_that_is_cut_keeps_whole_lines_of_what_it_began_with(
    given_lines: list[bytes], most: int, places: list[int]
) -> None:
    content = b"".join(line.replace(b".", b"-") + b"\r\n" for line in given_lines)
    framer = Framer()
    framer.begin_content(most, cuts=True)
    found = None
    for piece in cut(content + b".\r\nQUIT\r\n", places):
        framer.feed(piece)
        found = framer.content() if found is None else found
    assert found is not None
    if len(content) <= most:
        assert found == content
    else:
        assert content.startswith(found)
        assert len(found) <= most
        assert found == b"" or found.endswith(b"\r\n")
    assert framer.line() == b"QUIT"
