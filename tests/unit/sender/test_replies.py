"""The parser of replies: however the bytes are cut, and whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.smtp.replies import MAX_TEXT, MalformedReplyError, Reply, reply_of, take_reply

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40).map(str.strip)
REPLIES = st.builds(Reply, st.integers(200, 599), st.lists(TEXTS, min_size=1, max_size=5).map(tuple))


def wire(reply: Reply, end: str = "\r\n") -> bytes:
    *more, last = reply.lines
    return "".join([*(f"{reply.code}-{line}{end}" for line in more), f"{reply.code} {last}{end}"]).encode()


@given(st.lists(REPLIES, min_size=1, max_size=4), st.sampled_from(["\r\n", "\n"]), st.data())
def test_replies_are_taken_in_order_however_they_are_cut(replies: list[Reply], end: str, data: st.DataObject) -> None:
    left = b"".join(wire(reply, end) for reply in replies)
    buffer, taken = bytearray(), []
    while left:
        size = data.draw(st.integers(1, len(left)))
        buffer += left[:size]
        left = left[size:]
        while (reply := take_reply(buffer)) is not None:
            taken.append(reply)
    assert taken == replies
    assert not buffer


@given(REPLIES, st.sampled_from(["\r\n", "\n"]))
def test_a_whole_text_is_a_reply(reply: Reply, end: str) -> None:
    text = wire(reply, end).decode()
    assert reply_of(text) == reply_of(f"\n{text.rstrip()}") == reply
    for wrong in (f"{text}250 more", f"{reply.code}-unfinished", ""):
        with pytest.raises(MalformedReplyError):
            reply_of(wrong)


@given(st.binary(max_size=300))
def test_anything_is_a_reply_or_is_not(data: bytes) -> None:
    buffer = bytearray(data)
    try:
        reply = take_reply(buffer)
    except MalformedReplyError:
        return
    if reply is not None:
        assert 200 <= reply.code <= 599
        assert all(character.isprintable() or character.isspace() for character in reply.text if ord(character) < 160)


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 short\r\n",
        b"2500 long\r\n",
        b"-12 negative\r\n",
        b"150 no such kind\r\n",
        b"250-one\r\n251 two\r\n",
        b"250 " + b"x" * 5000 + b"\r\n",
        b"250 " + b"x" * 5000,
        (b"250-" + b"x" * 2000 + b"\r\n") * 40,
        b"250-x\r\n" * 101,
    ],
)
def test_what_is_no_reply(data: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        take_reply(bytearray(data))


def test_an_enhanced_code_and_a_text_over_several_lines() -> None:
    reply = take_reply(bytearray(b"550-5.7.1 Our system has\r\n550 5.7.1 detected it\r\n"))
    assert reply is not None
    assert (reply.enhanced, reply.text) == ("5.7.1", "5.7.1 Our system has detected it")
    assert take_reply(bytearray(b"250\r\n")) == Reply(250, ("",))
    assert Reply(250, ("2.1.0.9 no code",)).enhanced is None
    assert len(Reply(250, ("x" * 900,) * 9).text) == MAX_TEXT
