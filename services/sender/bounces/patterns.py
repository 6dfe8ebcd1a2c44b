"""Patterns that cannot be made slow by what a peer says: every repetition is bounded, and so is their product.

Python's matcher backtracks. A pattern in which n things are repeated without bound takes the text's length to the
power of n, or worse where one repetition holds another. Here a pattern is refused unless the number of ways to try it
at one place of the text has a small bound of its own; the whole search is then linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

MOST_WAYS = 5000
_LONGEST = 200  # of one bounded repetition


def compile_linear(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled without regard to case. Raises ValueError for one that is wrong or may be slow."""
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
        ways = ways_of(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from error
    if ways > MOST_WAYS:
        raise ValueError(f"{pattern!r} may be slow: {ways} ways to try it at one place, and {MOST_WAYS} are allowed")
    if compiled.search(""):
        raise ValueError(f"{pattern!r} fits every text")
    return compiled


def ways_of(pattern: str) -> int:
    """An upper bound of the ways in which a pattern can be tried at one place of a text, however long.

    Raises ValueError for repetitions without a bound or over 200, look-arounds and back references, `re.error` for
    what is no pattern.
    """
    return _sequence(_parser.parse(pattern, re.IGNORECASE), pattern)


def _sequence(items: Iterable[tuple[Any, Any]], pattern: str) -> int:
    ways = 1
    for operation, argument in items:
        ways *= _one(operation, argument, pattern)
    return ways


def _one(operation: Any, argument: Any, pattern: str) -> int:
    if operation in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.AT):
        return 1
    if operation is sre.SUBPATTERN:
        return _sequence(argument[3], pattern)
    if operation is sre.BRANCH:
        return sum(_sequence(branch, pattern) for branch in argument[1])
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, most, repeated = argument
        if most > _LONGEST:
            raise ValueError(f"{pattern!r} repeats something without a bound: write {{0,40}} rather than * or +")
        inner = _sequence(repeated, pattern)
        return int(sum(inner**times for times in range(least, most + 1)))
    raise ValueError(f"{pattern!r} uses what these patterns may not: {str(operation).lower()}")
