"""The variable language: `{{name}}`, `{{a.b}}`, `{{name ?? 'fallback'}}`. What is not of this form is text.

A name is words of letters, digits, `_` and `-`, with single spaces between them or not, in parts joined by dots. A
fallback stands in single or double quotes, or bare where it holds none of `? ' " < > & |` and no brace. Both as Plunk
has it: https://docs.useplunk.com/guides/template-language.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

OPEN, CLOSE = "{{", "}}"
LONGEST_PLACEHOLDER = 1000
LARGEST_CACHE = 16 * 1024 * 1024

# Possessive, so that no part of a name is ever looked at twice.
_PART = r"\w[\w-]*+(?: \w[\w-]*+)*+"
_NAME = re.compile(rf"{_PART}(?:\.{_PART})*+")
_BARE = re.compile(r"[^{}?'\"<>&|]++")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A variable and what stands in for it where it has no value."""

    name: str
    path: tuple[str, ...]
    fallback: str | None


Pieces = tuple[str | Placeholder, ...]


def split(source: str) -> Pieces:
    """The literal texts and the placeholders of a source, in order.

    Each closing pair of braces belongs to the nearest opening pair before it. Every character is looked at a bounded
    number of times: the search for an opening pair goes back only to where the last placeholder ended.
    """
    return tuple(_pieces(source))


def _pieces(source: str) -> Iterator[str | Placeholder]:
    written, at = 0, 0
    while (close := source.find(CLOSE, at)) >= 0:
        start = source.rfind(OPEN, at, close)
        at = close + len(CLOSE)
        if start < 0 or close - start > LONGEST_PLACEHOLDER:
            continue
        placeholder = _placeholder(source[start + len(OPEN) : close])
        if placeholder is None:
            continue
        if start > written:
            yield source[written:start]
        yield placeholder
        written = at
    if written < len(source):
        yield source[written:]


def _placeholder(inner: str) -> Placeholder | None:
    name, defaulted, rest = inner.partition("??")
    name = name.strip()
    if not _NAME.fullmatch(name):
        return None
    fallback = _fallback(rest.strip()) if defaulted else None
    if defaulted and fallback is None:
        return None
    return Placeholder(name, tuple(name.split(".")), fallback)


def _fallback(text: str) -> str | None:
    quote = text[:1]
    if quote in ("'", '"'):
        inside = text[1:-1]
        return inside if len(text) > 1 and text.endswith(quote) and quote not in inside else None
    return text if _BARE.fullmatch(text) else None


class SplitCache:
    """The pieces of the sources that were split last, as many as take `most` characters together."""

    def __init__(self, most: int = LARGEST_CACHE) -> None:
        self._most = most
        self._taken = 0
        self._kept: OrderedDict[str, Pieces] = OrderedDict()

    def split(self, source: str) -> Pieces:
        pieces = self._kept.get(source)
        if pieces is not None:
            self._kept.move_to_end(source)
            return pieces
        pieces = split(source)
        if len(source) <= self._most:
            self._kept[source] = pieces
            self._taken += len(source)
            while self._taken > self._most:
                oldest, _ = self._kept.popitem(last=False)
                self._taken -= len(oldest)
        return pieces

    def __len__(self) -> int:
        return len(self._kept)
