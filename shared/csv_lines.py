"""Lines of CSV (RFC 4180) whose cells no spreadsheet takes for a formula (OWASP, CSV Injection)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

FORMULA = re.compile(r"'*[=+\-@\t\r]")
GUARDED_CELL = re.compile(r"''*[=+\-@\t\r]")


def line_of(cells: Sequence[Any]) -> str:
    """The values as a line with its end; those that begin like a formula are guarded, None is empty."""
    written = io.StringIO()
    csv.writer(written).writerow("" if each is None else guarded(str(each)) for each in cells)
    return written.getvalue()


def guarded(text: str) -> str:
    """A cell that begins like a formula gets an apostrophe before it, one with apostrophes before it one more."""
    return f"'{text}" if FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if GUARDED_CELL.match(text) else text
