"""What a source of the variable language becomes with data, each value written in a form of the caller's.

Data is what JSON holds. A string renders as it is, a number or a boolean as JSON writes it (RFC 8259 section 3), null
and what is missing as the placeholder's fallback or nothing, an object as nothing, an array as its items. A name is
looked up whole first, then part by part in nested objects. What was put in is never read again for placeholders.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.placeholders import Pieces, Placeholder


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


def render(pieces: Pieces, data: Mapping[str, Any], most: int, form: Form) -> str:
    """Raises RenderedTooLargeError."""
    known: dict[Placeholder, str] = {}
    parts: list[str] = []
    left = most
    for piece in pieces:
        if isinstance(piece, str):
            text = piece
        elif piece in known:
            text = known[piece]
        else:
            text = known[piece] = written(piece, data, left, form)
        left -= len(text)
        if left < 0:
            raise RenderedTooLargeError(most)
        parts.append(text)
    return "".join(parts)


def written(placeholder: Placeholder, data: Mapping[str, Any], most: int, form: Form) -> str:
    """A placeholder's value or its fallback; of an array no more items than it takes to pass `most` characters."""
    return "".join(_within(_texts(value_of(placeholder, data, placeholder.fallback), form), most))


def value_of(placeholder: Placeholder, data: Mapping[str, Any], fallback: str | None = None) -> Any:
    """The value that a placeholder stands for, `fallback` where it has none."""
    value = data.get(placeholder.name)
    if value is None and len(placeholder.path) > 1:
        value = _nested(placeholder.path, data)
    return fallback if value is None else value


def plain(value: Any) -> str:
    """A single value as it is: nothing for what is no single value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return json.dumps(value)
    return ""


TEXT = Form(plain)


def _within(texts: Iterator[str], most: int) -> Iterator[str]:
    """As many of the texts as pass `most` characters: an array's items are not all written to be thrown away."""
    for text in texts:
        yield text
        most -= len(text)
        if most < 0:
            return


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
