"""The header fields by which a message from the SMTP door says what the other doors have request fields for.

`X-Posthorn-Tag` (repeatable), `-Tracking`, `-Stream`, `-Idempotency-Key`, and Leadpush's `X-Leadpush-Tag` and
`X-Leadpush-Tracking`; all are read and taken out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from services.ingest.acceptance.header_rules import check_tags
from services.ingest.acceptance.idempotency import read_key
from services.ingest.acceptance.mime_headers import HeaderError, HeaderField, decoded
from services.ingest.faults import Faults
from shared.contracts.topics import Stream
from shared.errors import ProblemError

Tracking = Literal["all", "opens", "clicks", "none"]
TRACKING = ("all", "opens", "clicks", "none")
OPTIONS = frozenset(
    {
        "x-leadpush-tag",
        "x-leadpush-tracking",
        "x-posthorn-idempotency-key",
        "x-posthorn-stream",
        "x-posthorn-tag",
        "x-posthorn-tracking",
    }
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the fields ask for; None where a field is not there."""

    tags: list[str]
    tracking: Tracking | None = None
    stream: Stream | None = None
    idempotency_key: str | None = None


NONE = Options([])


def read_options(fields: Sequence[HeaderField]) -> Options:
    """Raises HeaderError for a value that means nothing, and for a field that says the same thing twice."""
    given: dict[str, list[str]] = {}
    for one in fields:
        if one.name in OPTIONS:
            given.setdefault(one.name, []).append(decoded(one.text))
    if not given:
        return NONE
    return Options(_tags(given), _tracking(given), _stream(given), _key(given))


def _tags(given: dict[str, list[str]]) -> list[str]:
    own = [_unquoted(text) for text in given.get("x-posthorn-tag", [])]
    # any text that is not empty is a tag there, and the rest is none
    foreign = [tag for text in given.get("x-leadpush-tag", []) if (tag := _unquoted(text))]
    faults = Faults()
    tags = check_tags([*own, *foreign], [], faults)
    try:
        faults.raise_any()
    except ProblemError as problem:
        raise HeaderError(f"X-Posthorn-Tag or X-Leadpush-Tag: {problem.errors[0].detail}") from problem
    return tags


def _tracking(given: dict[str, list[str]]) -> Tracking | None:
    own = _one(given, "x-posthorn-tracking")
    if own is not None:
        if own.lower() not in TRACKING:
            raise HeaderError(f"X-Posthorn-Tracking is one of {', '.join(TRACKING)}")
        return cast(Tracking, own.lower())
    foreign = given.get("x-leadpush-tracking")
    if not foreign:
        return None
    value = _unquoted(foreign[0]).lower()
    return cast(Tracking, value if value in TRACKING else "all")


def _stream(given: dict[str, list[str]]) -> Stream | None:
    text = _one(given, "x-posthorn-stream")
    if text is None:
        return None
    try:
        return Stream(text.lower())
    except ValueError as error:
        raise HeaderError(f"X-Posthorn-Stream is one of {', '.join(Stream)}") from error


def _key(given: dict[str, list[str]]) -> str | None:
    try:
        return read_key(given.get("x-posthorn-idempotency-key", []))
    except ProblemError as problem:
        raise HeaderError(f"X-Posthorn-{problem.detail}") from problem


def _one(given: dict[str, list[str]], name: str) -> str | None:
    values = given.get(name, [])
    if len(values) > 1:
        raise HeaderError(f"the header {name} stands there twice")
    return _unquoted(values[0]) if values else None


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' else text
