"""Customers' regular expressions, matched by an automaton without backtracking.

Glushkov's construction (V. M. Glushkov, The abstract theory of automata, 1961): a state for each character that the
pattern names, sets of states as the bits of a number. A match takes at most (length of the text) x (states) steps,
both of them bounded, whatever the pattern is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from services.ingest.contacts.pattern_syntax import (
    UNBOUNDED,
    Characters,
    Either,
    InvalidPatternError,
    Node,
    Pattern,
    Repeat,
    Sequence,
    parse,
)

__all__ = ["CompiledPattern", "InvalidPatternError", "compile_pattern"]

MOST_STATES = 250
MOST_PARTS = 2_000
MOST_KEPT = 500


class _Span(NamedTuple):
    """Of a part of the pattern: whether it matches nothing at all, and the states that it begins and ends with."""

    nullable: bool
    first: int
    last: int


_EMPTY = _Span(True, 0, 0)


class CompiledPattern:
    """An automaton, and what it has learnt of the sets of states and of the characters that it met."""

    def __init__(self, pattern: Pattern) -> None:
        self._at_start, self._at_end = pattern.at_start, pattern.at_end
        self._follow: list[int] = []
        self._states: dict[Characters, int] = {}
        self._parts = 0
        self._span = self._build(pattern.node)
        self._by_character: dict[str, int] = {}
        self._reached: dict[int, int] = {}

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text; all of it only where `^` and `$` say so."""
        states = 0
        for place, character in enumerate(text):
            reached = self._reach(states)
            if place == 0 or not self._at_start:
                reached |= self._span.first
            states = reached & self._taking(character)
            if not self._at_end and states & self._span.last:
                return True
        if not self._at_end:
            return self._span.nullable
        return bool(states & self._span.last) or (self._span.nullable and (not self._at_start or not text))

    def _reach(self, states: int) -> int:
        reached = self._reached.get(states)
        if reached is None:
            reached = 0
            for state in _bits(states):
                reached |= self._follow[state]
            if len(self._reached) >= MOST_KEPT:
                self._reached.clear()
            self._reached[states] = reached
        return reached

    def _taking(self, character: str) -> int:
        """The states that a character leads into."""
        taking = self._by_character.get(character)
        if taking is None:
            taking = 0
            for characters, states in self._states.items():
                if characters.holds(character):
                    taking |= states
            if len(self._by_character) >= MOST_KEPT:
                self._by_character.clear()
            self._by_character[character] = taking
        return taking

    def _build(self, node: Node) -> _Span:
        self._parts += 1
        if self._parts > MOST_PARTS or len(self._follow) > MOST_STATES:
            raise InvalidPatternError(f"is too large: it may come to {MOST_STATES} characters with its repetitions")
        if isinstance(node, Characters):
            state = 1 << len(self._follow)
            self._follow.append(0)
            self._states[node] = self._states.get(node, 0) | state
            return _Span(False, state, state)
        if isinstance(node, Either):
            spans = [self._build(choice) for choice in node.choices]
            return _Span(
                any(span.nullable for span in spans), _union(span.first for span in spans),
                _union(span.last for span in spans),
            )  # fmt: skip
        if isinstance(node, Sequence):
            whole = _EMPTY
            for part in node.parts:
                whole = self._then(whole, self._build(part))
            return whole
        return self._repeated(node)

    def _then(self, before: _Span, after: _Span) -> _Span:
        for state in _bits(before.last):
            self._follow[state] |= after.first
        return _Span(
            before.nullable and after.nullable,
            before.first | (after.first if before.nullable else 0),
            after.last | (before.last if after.nullable else 0),
        )

    def _repeated(self, node: Repeat) -> _Span:
        whole = _EMPTY
        for _ in range(node.least):
            whole = self._then(whole, self._build(node.part))
        if node.most is UNBOUNDED:
            more = self._build(node.part)
            for state in _bits(more.last):
                self._follow[state] |= more.first
            return self._then(whole, more._replace(nullable=True))
        for _ in range(node.most - node.least):
            whole = self._then(whole, self._build(node.part)._replace(nullable=True))
        return whole


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _union(numbers: Iterator[int]) -> int:
    whole = 0
    for number in numbers:
        whole |= number
    return whole


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> CompiledPattern:
    """Raises InvalidPatternError."""
    return CompiledPattern(parse(text))
