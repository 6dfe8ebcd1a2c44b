"""What an endpoint's own request may be: its method, headers, query and body, checked together. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.webhooks.templates import (
    CONTROL,
    Kind,
    TemplateError,
    Templates,
    body_template,
    kind_of,
    unknown_names,
)
from shared.errors import Fault
from shared.placeholders import Placeholder, split

Method = Literal["POST", "GET", "PUT", "PATCH", "DELETE"]
BODILESS = frozenset({"GET", "DELETE"})
CONTENT_TYPE = "content-type"
JSON_TYPE = "application/json"

HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
QUERY_NAME = re.compile(r"[^\x00-\x20\x7f]{1,64}")
MOST_FIELDS, LONGEST_FIELD, LARGEST_BODY = 20, 1000, 16 * 1024
RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "cookie",
        "date",
        "expect",
        "host",
        "keep-alive",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
    }
)
RESERVED_PREFIXES = ("webhook-", "x-leadpush-", "x-sendy-", "x-posthorn-", "proxy-")


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """The method and the templates as their owner wrote them; header names in lower case."""

    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    @property
    def content_type(self) -> str:
        return self.headers.get(CONTENT_TYPE, JSON_TYPE)

    @property
    def has_body(self) -> bool:
        return self.method not in BODILESS

    def prepared(self) -> Templates:
        """The templates of a request without faults, ready to be rendered."""
        kind = kind_of(self.content_type)
        body = None if self.body is None or kind is None else body_template(self.body, kind)
        return Templates(_split(self.headers), _split(self.query), body)


def faults_of(request: OwnRequest) -> list[Fault]:
    """Everything that is wrong with a request, each by its field."""
    return [*_headers(request), *_query(request), *_body(request)]


def _headers(request: OwnRequest) -> Iterator[Fault]:
    if len(request.headers) > MOST_FIELDS:
        yield Fault("#/headers", "too_long", f"Must have at most {MOST_FIELDS} headers.")
    for name, value in request.headers.items():
        pointer = f"#/headers/{_escaped(name)}"
        if not HEADER_NAME.fullmatch(name):
            yield Fault(pointer, "header_name_invalid", "A name has 1 to 64 letters, digits and hyphens.")
        elif name in RESERVED or name.startswith(RESERVED_PREFIXES):
            yield Fault(pointer, "header_reserved", "This header is set by Posthorn or belongs to the connection.")
        yield from _line(pointer, value)


def _query(request: OwnRequest) -> Iterator[Fault]:
    if len(request.query) > MOST_FIELDS:
        yield Fault("#/query", "too_long", f"Must have at most {MOST_FIELDS} parameters.")
    for name, value in request.query.items():
        pointer = f"#/query/{_escaped(name)}"
        if not QUERY_NAME.fullmatch(name):
            yield Fault(pointer, "query_name_invalid", "A name has 1 to 64 characters, none of them a space.")
        yield from _line(pointer, value)


def _line(pointer: str, value: str) -> Iterator[Fault]:
    if len(value) > LONGEST_FIELD:
        yield Fault(pointer, "too_long", f"Must have at most {LONGEST_FIELD} characters.")
    if CONTROL.search(value):
        yield Fault(pointer, "control_character", "Must not have a line break or another control character.")
    yield from _unknown(pointer, value)


def _body(request: OwnRequest) -> Iterator[Fault]:
    kind = kind_of(request.content_type)
    type_pointer = f"#/headers/{CONTENT_TYPE}"
    if any(isinstance(piece, Placeholder) for piece in split(request.content_type)):
        yield Fault(type_pointer, "content_type_invalid", "Must not have variables.")
    elif kind is None:
        detail = "Must be application/json, application/x-www-form-urlencoded or text/plain."
        yield Fault(type_pointer, "content_type_invalid", detail)
    elif kind is not Kind.JSON and request.body is None and request.has_body:
        yield Fault(type_pointer, "content_type_invalid", "Must be of JSON, as the body is where it has no template.")
    if request.body is None:
        return
    if not request.has_body:
        yield Fault("#/body", "body_not_sent", f"A {request.method} request is sent without a body.")
    if len(request.body) > LARGEST_BODY:
        yield Fault("#/body", "too_long", f"Must have at most {LARGEST_BODY} characters.")
        return
    yield from _unknown("#/body", request.body)
    if kind is not None:
        try:
            body_template(request.body, kind)
        except TemplateError as error:
            yield Fault("#/body", "template_invalid", f"The body {error}.")


def _unknown(pointer: str, source: str) -> Iterator[Fault]:
    if unknown := unknown_names(source):
        detail = (
            f"Has unknown variables: {', '.join(unknown[:10])}. There are id, type, timestamp and data with its parts."
        )
        yield Fault(pointer, "variable_unknown", detail)


def _split(fields: Mapping[str, str]) -> dict[str, tuple[str | Placeholder, ...]]:
    return {name: split(value) for name, value in fields.items()}


def _escaped(name: str) -> str:
    """A part of a JSON pointer (RFC 6901 section 3)."""
    return name.replace("~", "~0").replace("/", "~1")
