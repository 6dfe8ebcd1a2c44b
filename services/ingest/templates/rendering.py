"""What a source becomes with a recipient's data: HTML with every value escaped, text as it is, or one line.

Data is what JSON holds. A string renders as it is, a number or a boolean as JSON writes it (RFC 8259 section 3), null
and what is missing as the placeholder's fallback or nothing, an object as nothing, an array as its items: one `<li>`
each in HTML, joined by `, ` elsewhere. A name is looked up whole first, then part by part in nested objects. What was
put in is never read again for placeholders.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.ingest.forms import CONTROL
from shared.placeholders import Placeholder, SplitCache

LARGEST = 16 * 1024 * 1024
LONGEST_LINE = 998

_split = SplitCache().split


@dataclass(frozen=True, slots=True)
class Form:
    """How a single value is written, and what stands before, after and between the items of an array."""

    write: Callable[[Any], str]
    before: str = ""
    after: str = ""
    between: str = ", "


class RenderedTooLargeError(ValueError):
    """The source with this data is longer than the caller allows; `most` is in characters."""

    def __init__(self, most: int) -> None:
        super().__init__(f"is over {most} characters with this data")
        self.most = most


class BrokenLineError(ValueError):
    """A line break or another control character stands where one line is needed (RFC 5322 section 2.2)."""

    def __init__(self) -> None:
        super().__init__("has a line break or another control character with this data")


def render_html(source: str, data: Mapping[str, Any], most: int = LARGEST) -> str:
    """Values and fallbacks are escaped for element content and quoted attributes. Raises RenderedTooLargeError."""
    return _render(source, data, most, HTML)


def render_text(source: str, data: Mapping[str, Any], most: int = LARGEST) -> str:
    """Nothing is escaped. Raises RenderedTooLargeError."""
    return _render(source, data, most, TEXT)


def render_line(source: str, data: Mapping[str, Any], most: int = LONGEST_LINE) -> str:
    """A subject or a header's value, spaces around it taken off. Raises BrokenLineError, RenderedTooLargeError."""
    line = _render(source, data, most, TEXT)
    if CONTROL.search(line):
        raise BrokenLineError
    return line.strip()


def missing_names(source: str, data: Mapping[str, Any]) -> list[str]:
    """The variables that have neither a value nor a fallback, each once, in their order."""
    found = (piece for piece in _split(source) if isinstance(piece, Placeholder))
    return list(dict.fromkeys(one.name for one in found if one.fallback is None and _value(one, data) is None))


def _render(source: str, data: Mapping[str, Any], most: int, form: Form) -> str:
    known: dict[Placeholder, str] = {}
    parts: list[str] = []
    left = most
    for piece in _split(source):
        if isinstance(piece, str):
            text = piece
        elif piece in known:
            text = known[piece]
        else:
            text = known[piece] = "".join(_within(_texts(_value(piece, data, piece.fallback), form), left))
        left -= len(text)
        if left < 0:
            raise RenderedTooLargeError(most)
        parts.append(text)
    return "".join(parts)


def _within(texts: Iterator[str], most: int) -> Iterator[str]:
    """As many of the texts as pass `most` characters: an array's items are not all written to be thrown away."""
    for text in texts:
        yield text
        most -= len(text)
        if most < 0:
            return


def _value(placeholder: Placeholder, data: Mapping[str, Any], fallback: str | None = None) -> Any:
    value = data.get(placeholder.name)
    if value is None and len(placeholder.path) > 1:
        value = _nested(placeholder.path, data)
    return fallback if value is None else value


def _nested(path: tuple[str, ...], data: Mapping[str, Any]) -> Any:
    value: Any = data
    for part in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _texts(value: Any, form: Form) -> Iterator[str]:
    if not isinstance(value, list):
        yield form.write(value)
        return
    for place, item in enumerate(value):
        yield (form.between if place else "") + form.before + form.write(item) + form.after


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return json.dumps(value)
    return ""


HTML = Form(lambda value: html.escape(_plain(value)), "<li>", "</li>", "\n")
TEXT = Form(_plain)
