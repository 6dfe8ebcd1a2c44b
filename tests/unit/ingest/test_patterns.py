"""Customers' regular expressions: the same answers as Python's own, and no more work than the text is long."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.contacts.patterns import InvalidPatternError, compile_pattern

characters = st.sampled_from(["a", "b", "c", "0", "-", "é", r"\.", r"\$", r"\\", r"\n"])
classes = st.sampled_from(
    [".", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", "[ab]", "[^ab]", "[a-c]", r"[^\d]", r"[\w-]", "[]a]", "[^]]",
     r"[\]\-]", "[a-]", r"[\Da]", r"[\x]".replace("x", "t"), "[.*]"]
)  # fmt: skip
quantifiers = st.sampled_from(
    ["", "", "*", "+", "?", "{0}", "{2}", "{1,}", "{0,2}", "{2,3}", "*?", "+?", "??", "{1,2}?"]
)
patterns = st.recursive(
    st.builds(str.__add__, characters | classes, quantifiers),
    lambda inner: (
        st.lists(inner, max_size=3).map("".join)
        | st.builds("({}){}".format, inner, quantifiers)
        | st.builds("(?:{}|{}){}".format, inner, inner, quantifiers)
    ),
    max_leaves=6,
)
texts = st.text(st.sampled_from("abc0-é.$\\\n _A"), max_size=10)


@given(st.sampled_from(["", "^"]), patterns, st.sampled_from(["", "$"]), texts)
def test_the_answers_are_pythons(start: str, pattern: str, end: str, text: str) -> None:
    oracle = re.compile(start + pattern + (r"\Z" if end else ""), re.ASCII)
    assert compile_pattern(start + pattern + end).found_in(text) == bool(oracle.search(text))


@pytest.mark.parametrize(
    "pattern",
    [
        "(a", "a)", "(?=a)", "(?!a)", "(?<=a)", "(?P<n>a)", "(?i)a", r"\1", r"(a)\1", r"\b", r"\Aa", r"\x41", "a**",
        "a++", "a*+", "*a", "+", "{2}", "a{3,2}", "a{201}", "[a", "[]", "[z-a]", r"[a-\d]", "a\\", "a^b", "a$b", "^a|b",
        "a|b$", "x" * 201, "(" * 21 + "a" + ")" * 21, "((a{20}){20}){20}", "((){200}){200}(((){200}){200}){200}",
    ],
)  # fmt: skip
def test_what_cannot_be_matched_in_bounded_time_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPatternError):
        compile_pattern(pattern)


def calls_of(act: Callable[[], Any]) -> int:
    """How many functions were called, and generators resumed: the steps of whatever happens in Python."""
    count = 0

    def seen(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "pattern",
    [
        "(a*)*b",
        "(a+)+$",
        "(a|a)*b",
        "(a|aa)+b",
        "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x",
        "(x+x+)+y",
        "(a?){60}a{60}$",
        "((a*)*)*b",
    ],
)
def test_patterns_that_never_end_elsewhere_take_steps_in_proportion_to_the_text(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    taken = [calls_of(lambda text=text: compiled.found_in(text)) for text in ("a" * 50, "a" * 500)]  # type: ignore[misc]
    assert taken[1] < 40 * 500 + taken[0]
    assert not compiled.found_in("a" * 500 + "!")


def test_the_longest_patterns_and_texts_stay_bounded() -> None:
    compiled = compile_pattern(r"[\W\D]{200}z")
    text = "".join(chr(200 + number) for number in range(500))
    assert calls_of(lambda: compiled.found_in(text)) < 500 * 250 * 2
