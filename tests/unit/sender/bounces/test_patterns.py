"""Patterns are linear: what could be made slow is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.bounces.patterns import MOST_WAYS, compile_linear, ways_of


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(a+)+b", "without a bound"),
        (r"\buser.*unknown", "without a bound"),
        (r"x{3,}", "without a bound"),
        (r"x{0,201}", "without a bound"),
        (r"(?:a{0,20}){0,20}b", "may be slow"),
        (r"a{0,90}b{0,90}", "may be slow"),
        (r"(?=user)u", "may not"),
        (r"(a)\1", "may not"),
        (r"(?>ab)c", "may not"),
        (r"x{0,5}", "fits every text"),
        (r"a|", "fits every text"),
        (r"(", "is no pattern"),
    ],
)
def test_what_may_be_slow_or_is_wrong_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compile_linear(pattern)


@pytest.mark.parametrize(
    ("pattern", "ways"),
    [
        (r"\buser unknown\b", 1),
        (r"colou?r", 2),
        (r"ab|cd|ef", 3),
        (r"(?:on|off)(?:up|down)", 4),
        (r"[^.;]{0,40}?x", 41),
        (r"(?:on|off){2}", 4),
        (r"(?:on|off){0,2}", 7),
    ],
)
def test_the_ways_of_a_pattern(pattern: str, ways: int) -> None:
    assert ways_of(pattern) == ways


@given(st.from_regex(r"(?:[ab.]|\(\?:[ab|]{1,3}\)|[ab]\{0,[1-9]\}){1,6}", fullmatch=True), st.text("ab", max_size=30))
def test_what_is_taken_finds_what_python_finds(pattern: str, text: str) -> None:
    try:
        compiled = compile_linear(pattern)
    except ValueError:
        return
    assert ways_of(pattern) <= MOST_WAYS
    assert bool(compiled.search(text)) is bool(re.search(pattern, text, re.IGNORECASE))
