"""What a source becomes with a recipient's data: HTML with every value escaped, text as it is, or one line.

How values are looked up and written: see `shared.rendering`. An array is one `<li>` for each item in HTML, its items
joined by `, ` elsewhere.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from services.ingest.forms import CONTROL
from shared.placeholders import Placeholder, SplitCache
from shared.rendering import TEXT, Form, plain, render, value_of

LARGEST = 16 * 1024 * 1024
LONGEST_LINE = 998

HTML = Form(lambda value: html.escape(plain(value)), "<li>", "</li>", "\n")

_split = SplitCache().split


class BrokenLineError(ValueError):
    """A line break or another control character stands where one line is needed (RFC 5322 section 2.2)."""

    def __init__(self) -> None:
        super().__init__("has a line break or another control character with this data")


def render_html(source: str, data: Mapping[str, Any], most: int = LARGEST) -> str:
    """Values and fallbacks are escaped for element content and quoted attributes. Raises RenderedTooLargeError."""
    return render(_split(source), data, most, HTML)


def render_text(source: str, data: Mapping[str, Any], most: int = LARGEST) -> str:
    """Nothing is escaped. Raises RenderedTooLargeError."""
    return render(_split(source), data, most, TEXT)


def render_line(source: str, data: Mapping[str, Any], most: int = LONGEST_LINE) -> str:
    """A subject or a header's value, spaces around it taken off. Raises BrokenLineError, RenderedTooLargeError."""
    line = render(_split(source), data, most, TEXT)
    if CONTROL.search(line):
        raise BrokenLineError
    return line.strip()


def missing_names(source: str, data: Mapping[str, Any]) -> list[str]:
    """The variables that have neither a value nor a fallback, each once, in their order."""
    found = (piece for piece in _split(source) if isinstance(piece, Placeholder))
    return list(dict.fromkeys(one.name for one in found if one.fallback is None and value_of(one, data) is None))
