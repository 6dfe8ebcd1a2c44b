"""Regular expressions as customers write them, read into a tree: the part of the syntax that an automaton can match.

Understood: literals, `.`, `\\d \\w \\s` and their opposites (ASCII), `[…]`, groups, `|`, `* + ? {m} {m,} {m,n}` (lazy
or not, which makes no difference to whether there is a match), `^` at the beginning and `$` at the end. Refused: what
looks back or around (`\\1`, `(?=…)`, `\\b`), and possessive quantifiers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_PATTERN = 200
MOST_REPEATS = 200
DEEPEST_GROUP = 20
UNBOUNDED = None

_QUANTIFIER = re.compile(r"\*|\+|\?|\{(\d{1,4})(,(\d{0,4}))?\}")
_CLASSES = {
    "d": (("0", "9"),),
    "w": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")),
    "s": (("\t", "\r"), (" ", " ")),
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}


class InvalidPatternError(ValueError):
    """What is wrong with a pattern, in words that follow its name."""


@dataclass(frozen=True, slots=True)
class Characters:
    """A set of characters: in any of the ranges or in none of the opposites, the whole negated or not."""

    ranges: tuple[tuple[str, str], ...] = ()
    opposites: tuple[tuple[tuple[str, str], ...], ...] = ()
    negated: bool = False

    def holds(self, character: str) -> bool:
        found = _within(character, self.ranges) or any(not _within(character, one) for one in self.opposites)
        return found is not self.negated


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    choices: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`most` is UNBOUNDED where there is no end."""

    part: Node
    least: int
    most: int | None


Node = Characters | Sequence | Either | Repeat
ANY = Characters((("\n", "\n"),), negated=True)


def _within(character: str, ranges: tuple[tuple[str, str], ...]) -> bool:
    return any(low <= character <= high for low, high in ranges)


@dataclass(frozen=True, slots=True)
class Pattern:
    """`at_start` and `at_end` say that a match has to begin or to end with the text."""

    node: Node
    at_start: bool
    at_end: bool


def parse(text: str) -> Pattern:
    """Raises InvalidPatternError."""
    if len(text) > LONGEST_PATTERN:
        raise InvalidPatternError(f"may be at most {LONGEST_PATTERN} characters long")
    at_start = text.startswith("^")
    at_end = text.endswith("$") and (len(text) - len(text[:-1].rstrip("\\"))) % 2 == 1
    reader = _Reader(text[at_start : len(text) - at_end])
    node = reader.alternatives(0)
    if reader.rest():
        raise InvalidPatternError("has a `)` without its `(`")
    if isinstance(node, Either) and (at_start or at_end):
        raise InvalidPatternError("has alternatives beside `^` or `$`: put them into a group")
    return Pattern(node, at_start, at_end)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def rest(self) -> str:
        return self._text[self._at :]

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._peek()
        if not character:
            raise InvalidPatternError("ends too early")
        self._at += 1
        return character

    def _skip(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def alternatives(self, depth: int) -> Node:
        choices = [self._sequence(depth)]
        while self._skip("|"):
            choices.append(self._sequence(depth))
        return choices[0] if len(choices) == 1 else Either(tuple(choices))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._quantified(self._atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _quantified(self, part: Node) -> Node:
        match = _QUANTIFIER.match(self._text, self._at)
        if match is None:
            return part
        self._at = match.end()
        least, most = _counts(match)
        if most is not None and most < least:
            raise InvalidPatternError(f"has {match[0]}, which ends before it begins")
        if least > MOST_REPEATS or (most or 0) > MOST_REPEATS:
            raise InvalidPatternError(f"may repeat nothing more than {MOST_REPEATS} times by a number")
        self._skip("?")
        if _QUANTIFIER.match(self._text, self._at):
            raise InvalidPatternError("has a quantifier after a quantifier")
        return Repeat(part, least, most)

    def _atom(self, depth: int) -> Node:
        character = self._take()
        if character == "(":
            if depth == DEEPEST_GROUP:
                raise InvalidPatternError(f"has groups more than {DEEPEST_GROUP} deep")
            if self._peek() == "?" and not self._skip("?:"):
                raise InvalidPatternError("may have plain groups and `(?:…)` alone")
            inner = self.alternatives(depth + 1)
            if not self._skip(")"):
                raise InvalidPatternError("has a `(` without its `)`")
            return Sequence((inner,))
        if character == "[":
            return self._class()
        if character == ".":
            return ANY
        if character == "\\":
            return self._escape()
        if character in "*+?{":
            raise InvalidPatternError(f"has a `{character}` with nothing to repeat; `\\{character}` stands for itself")
        if character in "^$":
            raise InvalidPatternError("may have `^` at its beginning and `$` at its end alone")
        return Characters(((character, character),))

    def _escape(self) -> Characters:
        character = self._take()
        if character.lower() in _CLASSES:
            return Characters(_CLASSES[character.lower()], negated=character.isupper())
        character = _CONTROLS.get(character, character)
        if character.isalnum():
            raise InvalidPatternError(f"has `\\{character}`, which is not supported")
        return Characters(((character, character),))

    def _class(self) -> Characters:
        negated = self._skip("^")
        ranges: list[tuple[str, str]] = []
        opposites: list[tuple[tuple[str, str], ...]] = []
        while True:
            character = self._take()
            if character == "]" and (ranges or opposites):
                return Characters(tuple(ranges), tuple(opposites), negated)
            one = self._escape() if character == "\\" else Characters(((character, character),))
            if one.negated:
                opposites.append(one.ranges)
            elif len(one.ranges) == 1 and one.ranges[0][0] == one.ranges[0][1] and self._is_range():
                ranges.append((one.ranges[0][0], self._end_of_range(one.ranges[0][0])))
            else:
                ranges += one.ranges

    def _is_range(self) -> bool:
        return self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", "")

    def _end_of_range(self, low: str) -> str:
        self._skip("-")
        character = self._take()
        end = self._escape() if character == "\\" else Characters(((character, character),))
        high = end.ranges[0][1]
        if len(end.ranges) > 1 or end.ranges[0][0] != high or high < low:
            raise InvalidPatternError("has a range that ends before it begins, or with a class")
        return high


def _counts(match: re.Match[str]) -> tuple[int, int | None]:
    if match[1] is None:
        return {"*": (0, UNBOUNDED), "+": (1, UNBOUNDED), "?": (0, 1)}[match[0]]
    least = int(match[1])
    if match[2] is None:
        return least, least
    return least, int(match[3]) if match[3] else UNBOUNDED
