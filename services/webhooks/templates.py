"""An endpoint's own request: headers, query and body that are rendered from each event.

The language is that of `shared.placeholders`. A template knows the event as its standard body has it (`type`,
`timestamp`, `data.…`) and the delivery's `id`; it never sees a secret. A value stands in a JSON body as a JSON value,
or inside a quoted string as its text, escaped; in a form and in the query percent-encoded; in a header with spaces for
its control characters. So whatever an event holds, the rendered request is of the form that its template has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson

from shared.placeholders import Pieces, Placeholder, split
from shared.rendering import TEXT, Form, RenderedTooLargeError, plain, render, value_of, written

LONGEST_VALUE = 1000
LARGEST_BODY = 256 * 1024
KNOWN = frozenset({"id", "type", "timestamp", "data"})
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")

FORM = Form(lambda value: quote_plus(plain(value)), between="%2C+")
Body = Callable[[Mapping[str, Any]], str]


class TemplateError(ValueError):
    """What is wrong with a template, in words for its owner."""


class Kind(StrEnum):
    """The kinds of content that a body template can give."""

    JSON = "json"
    FORM = "form"
    TEXT = "text"


def kind_of(content_type: str) -> Kind | None:
    """The kind of a media type (RFC 9110 section 8.3.1), None where bodies of it cannot be rendered safely."""
    media = content_type.partition(";")[0].strip().lower()
    if media == "application/json" or (media.startswith("application/") and media.endswith("+json")):
        return Kind.JSON
    return {"application/x-www-form-urlencoded": Kind.FORM, "text/plain": Kind.TEXT}.get(media)


@dataclass(frozen=True, slots=True)
class Templates:
    """The parts of a request, each None or empty where the standard one is sent."""

    headers: Mapping[str, Pieces]
    query: Mapping[str, Pieces]
    body: Body | None

    def rendered_headers(self, data: Mapping[str, Any]) -> dict[str, str]:
        return {name: line(pieces, data) for name, pieces in self.headers.items()}

    def rendered_url(self, url: str, data: Mapping[str, Any]) -> str:
        """The URL with the rendered query behind its own."""
        if not self.query:
            return url
        pairs = urlencode({name: line(pieces, data) for name, pieces in self.query.items()})
        return f"{url}{'&' if '?' in url else '?'}{pairs}"


def line(pieces: Pieces, data: Mapping[str, Any]) -> str:
    """One line of at most 1,000 characters: what is beyond is cut off."""
    values = [
        piece if isinstance(piece, str) else written(piece, data, LONGEST_VALUE, TEXT)[:LONGEST_VALUE]
        for piece in pieces
    ]
    return CONTROL.sub(" ", "".join(values)).strip()[:LONGEST_VALUE]


def body_template(source: str, kind: Kind) -> Body:
    """How a body of a kind is rendered, which raises RenderedTooLargeError. Raises TemplateError."""
    pieces = split(source)
    if kind is Kind.JSON:
        return _json_body(pieces)
    form = FORM if kind is Kind.FORM else TEXT
    return lambda data: render(pieces, data, LARGEST_BODY, form)


def unknown_names(source: str) -> list[str]:
    """The variables of a template that no event has."""
    found = [piece for piece in split(source) if isinstance(piece, Placeholder)]
    return list(dict.fromkeys(one.name for one in found if one.path[0] not in KNOWN))


def _json_body(pieces: Pieces) -> Body:
    """A value's place decides how it is written, so the template is looked at once, with a value of each kind of place:
    where that is JSON, it is with all others."""
    marked = list(_places(pieces))
    try:
        orjson.loads("".join([_sample(piece, inside=inside) for piece, inside in marked]))
    except orjson.JSONDecodeError as error:
        raise TemplateError(f"is no JSON once its variables have values: {error.msg}") from error

    def rendered(data: Mapping[str, Any]) -> str:
        parts: list[str] = []
        left = LARGEST_BODY
        for piece, inside in marked:
            text = piece if isinstance(piece, str) else _json(piece, data, left, inside=inside)
            left -= len(text)
            if left < 0:
                raise RenderedTooLargeError(LARGEST_BODY)
            parts.append(text)
        return "".join(parts)

    return rendered


def _sample(piece: str | Placeholder, *, inside: bool) -> str:
    if isinstance(piece, str):
        return piece
    return "-" if inside else "null"


def _places(pieces: Pieces) -> Iterator[tuple[str | Placeholder, bool]]:
    """The pieces, and of each whether it begins inside a JSON string (RFC 8259 section 7)."""
    inside = False
    for piece in pieces:
        yield piece, inside
        if isinstance(piece, str):
            bare = re.sub(r"\\.", "", piece, flags=re.DOTALL) if inside or "\\" in piece else piece
            inside ^= bool(bare.count('"') % 2)


def _json(placeholder: Placeholder, data: Mapping[str, Any], most: int, *, inside: bool) -> str:
    if inside:
        return orjson.dumps(written(placeholder, data, most, TEXT)).decode()[1:-1]
    value = value_of(placeholder, data)
    return orjson.dumps(_fallback(placeholder.fallback) if value is None else value).decode()


def _fallback(text: str | None) -> Any:
    """A fallback as the JSON value that it reads as, else as a string."""
    try:
        return None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
