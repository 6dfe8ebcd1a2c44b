"""`multipart/form-data` (RFC 7578) read as it comes, a chunk at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from shared.errors import ProblemError


@dataclass(frozen=True, slots=True)
class PartHead:
    """The head of a part: `headers` by their names in lower case; with a `filename` it is a file, else a field."""

    name: str
    filename: str | None
    headers: Mapping[str, str]


async def parts_of(request: Request) -> AsyncIterator[PartHead | bytes | None]:
    """The request's parts: of each its head, then its bytes in pieces, then None.

    Raises a 400 problem for what is no form or is not whole, a 415 problem for another type.
    """
    reader = _Reader(_boundary(request))
    try:
        async for chunk in request.stream():
            for step in reader.take(chunk):
                yield step
    except MultipartParseError as error:
        raise ProblemError(400, "malformed_form", f"The body is no multipart/form-data: {error}.") from error
    except ClientDisconnect as error:
        raise ProblemError(400, "incomplete_body", "The body ended before its end.") from error
    if not reader.has_ended:
        raise ProblemError(400, "malformed_form", "The body ends before its last boundary.")


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise ProblemError(415, "unsupported_media_type", "The body must be multipart/form-data with a boundary.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "unsupported_content_encoding", "The body may not be compressed.")
    return options[b"boundary"]


@dataclass(slots=True)
class _Headers:
    """Those of one part, while they come."""

    whole: dict[str, str] = field(default_factory=dict)
    name: bytes = b""
    value: bytes = b""

    def end_one(self) -> None:
        self.whole[self.name.decode("latin-1").strip().lower()] = self.value.decode("latin-1").strip()
        self.name = self.value = b""

    def head(self) -> PartHead:
        _, options = parse_options_header(self.whole.get("content-disposition", ""))
        filename = options.get(b"filename")
        return PartHead(
            options.get(b"name", b"").decode(errors="replace"),
            None if filename is None else filename.decode(errors="replace"),
            self.whole,
        )


class _Reader:
    """Makes steps of what the parser calls back."""

    def __init__(self, boundary: bytes) -> None:
        self.has_ended = False
        self._steps: list[PartHead | bytes | None] = []
        self._headers = _Headers()
        self._parser = MultipartParser(boundary, self._callbacks())

    def take(self, chunk: bytes) -> list[PartHead | bytes | None]:
        """The steps that a piece of the body makes; raises MultipartParseError."""
        self._parser.write(chunk)
        steps, self._steps = self._steps, []
        return steps

    def _callbacks(self) -> Any:
        return {
            "on_part_begin": self._part_begins,
            "on_header_field": self._name_goes_on,
            "on_header_value": self._value_goes_on,
            "on_header_end": lambda: self._headers.end_one(),
            "on_headers_finished": lambda: self._steps.append(self._headers.head()),
            "on_part_data": lambda data, start, end: self._steps.append(bytes(data[start:end])),
            "on_part_end": lambda: self._steps.append(None),
            "on_end": self._end,
        }

    def _part_begins(self) -> None:
        self._headers = _Headers()

    def _name_goes_on(self, data: bytes, start: int, end: int) -> None:
        self._headers.name += data[start:end]

    def _value_goes_on(self, data: bytes, start: int, end: int) -> None:
        self._headers.value += data[start:end]

    def _end(self) -> None:
        self.has_ended = True
