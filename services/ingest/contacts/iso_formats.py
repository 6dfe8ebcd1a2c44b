"""Forms of dates and times as callers write them: `YYYY-MM-DD`, `DD.MM.YYYY HH:mm`, `YYYY-MM-DDTHH:mm:ssZ`.

The tokens are those of the ISO formats that Carbon and Day.js share: YYYY, MM, DD, HH, mm, ss, SSS (milliseconds) and Z
(an offset, `+02:00` or `Z`). What stands in brackets, and what is no letter, stands for itself; so does a single T.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

LONGEST_FORMAT = 60
TOKENS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "MM": r"(?P<month>[0-9]{2})",
    "DD": r"(?P<day>[0-9]{2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
    "SSS": r"[0-9]{3}",
    "Z": r"(?:Z|[+-][0-9]{2}:[0-9]{2})",
}
_LEXEME = re.compile(r"YYYY|MM|DD|HH|mm|ss|SSS|Z|T|\[[^\[\]]*\]|[^A-Za-z\[\]]")


class InvalidFormatError(ValueError):
    """What is wrong with a form, in words that follow its name."""


@dataclass(frozen=True, slots=True)
class DateForm:
    """A form that values are held against. Each of its parts has a length of its own, so that a match is linear."""

    expression: re.Pattern[str]

    def fits(self, value: str) -> bool:
        """Whether the value has the form and names a day and a time that exist; what the form leaves out is free."""
        match = self.expression.fullmatch(value)
        if match is None:
            return False
        given = {name: int(digits) for name, digits in match.groupdict().items()}
        try:
            datetime(**{"year": 2000, "month": 1, "day": 1, **given})  # type: ignore[arg-type]
        except ValueError:
            return False
        return True


@lru_cache(maxsize=1024)
def compile_format(text: str) -> DateForm:
    """Raises InvalidFormatError."""
    if len(text) > LONGEST_FORMAT:
        raise InvalidFormatError(f"may be at most {LONGEST_FORMAT} characters long")
    parts: list[str] = []
    seen: set[str] = set()
    at = 0
    while at < len(text):
        lexeme = _LEXEME.match(text, at)
        if lexeme is None:
            raise InvalidFormatError(f"has an unknown token at character {at + 1}")
        token = lexeme[0]
        at = lexeme.end()
        if token in seen:
            raise InvalidFormatError(f"has {token} twice")
        if token in TOKENS:
            seen.add(token)
        parts.append(TOKENS.get(token) or re.escape(token.strip("[]")))
    if not seen:
        raise InvalidFormatError("has no token such as YYYY")
    return DateForm(re.compile("".join(parts)))
