"""`multipart/form-data` (RFC 7578) read as it comes: fields are kept, files go to the store a chunk at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from services.ingest.acceptance.files import CONTENT_ID, check_content_ids, check_name, check_type
from services.ingest.faults import TOO_LARGE, Faults, pointer_to
from services.ingest.store.uploads import File, Incoming, TooManyBytesError, Uploads
from shared.content import Blob
from shared.errors import Fault, ProblemError

FIELD_BYTES = 2 * 1024 * 1024
MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """What a form may hold: `files` of at most `file_bytes` each and `bytes` together."""

    files: int
    file_bytes: int
    bytes: int


@dataclass(slots=True)
class Form:
    """The fields by name, the last of each, and the files, which are stored already."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)


@asynccontextmanager
async def form_of(
    request: Request, uploads: Uploads, limits: Limits, expires_at: datetime, faults: Faults
) -> AsyncIterator[Form]:
    """The request's form. What it stored is discarded where the block is left by an error.

    Raises a 400, 413 or 415 problem; what is wrong with a file's name or type is added to `faults`.
    """
    reader = _Reader(_boundary(request), uploads, limits, expires_at, faults)
    try:
        await reader.read(request)
        check_content_ids(reader.form.files, faults)
        yield reader.form
    except BaseException:
        await uploads.discard(reader.stored())
        raise


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise ProblemError(415, "unsupported_media_type", "The body must be multipart/form-data with a boundary.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "unsupported_content_encoding", "The body may not be compressed.")
    return options[b"boundary"]


@dataclass(slots=True)
class _Part:
    """One part: its headers while they come, then its text, or the file that it is."""

    headers: dict[str, str] = field(default_factory=dict)
    header: tuple[bytes, bytes] = (b"", b"")
    name: str = ""
    filename: str | None = None
    text: bytearray = field(default_factory=bytearray)
    incoming: Incoming | None = None


class _Reader:
    """Takes what the parser calls back as a list of steps, and does each of them where it may wait."""

    def __init__(self, boundary: bytes, uploads: Uploads, limits: Limits, expires_at: datetime, faults: Faults) -> None:
        self.form = Form()
        self._uploads, self._limits, self._expires_at, self._faults = uploads, limits, expires_at, faults
        self._steps: list[tuple[str, bytes]] = []
        self._part = _Part()
        self._unfinished: Incoming | None = None
        self._text_bytes, self._file_bytes = 0, 0
        self._ended = False
        self._parser = MultipartParser(boundary, self._callbacks())

    async def read(self, request: Request) -> None:
        """The whole body; raises a 400 problem for what is no form, a 413 problem for what is too much."""
        try:
            async for chunk in request.stream():
                self._parser.write(chunk)
                steps, self._steps = self._steps, []
                for step, data in steps:
                    await self._do(step, data)
        except MultipartParseError as error:
            raise ProblemError(400, "malformed_form", f"The body is no multipart/form-data: {error}.") from error
        except ClientDisconnect as error:
            raise ProblemError(400, "incomplete_body", "The body ended before its end.") from error
        except TooManyBytesError as error:
            pointer = pointer_to(self._part.name or "attachments")
            raise _too_large(pointer, f"A file may be at most {self._limits.file_bytes} bytes.") from error
        if not self._ended:
            raise ProblemError(400, "malformed_form", "The body ends before its last boundary.")

    def stored(self) -> list[Blob]:
        """What was stored so far, the file that was coming in among it."""
        blobs = [file.data for file in self.form.files if isinstance(file.data, Blob)]
        return [*blobs, self._unfinished.so_far] if self._unfinished is not None else blobs

    def _callbacks(self) -> Any:
        def said(step: str) -> Any:
            return lambda: self._steps.append((step, b""))

        def told(step: str) -> Any:
            return lambda data, start, end: self._steps.append((step, bytes(data[start:end])))

        plain = ("part_begin", "header_end", "headers_finished", "part_end", "end")
        with_data = ("header_field", "header_value", "part_data")
        return {f"on_{step}": said(step) for step in plain} | {f"on_{step}": told(step) for step in with_data}

    async def _do(self, step: str, data: bytes) -> None:
        part = self._part
        match step:
            case "part_begin":
                self._part = _Part()
            case "header_field":
                part.header = (part.header[0] + data, part.header[1])
            case "header_value":
                part.header = (part.header[0], part.header[1] + data)
            case "header_end":
                name, value = part.header
                part.headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
                part.header = (b"", b"")
            case "headers_finished":
                self._begin(part)
            case "part_data":
                await self._take(part, data)
            case "part_end":
                await self._finish(part)
            case "end":
                self._ended = True

    def _begin(self, part: _Part) -> None:
        _, options = parse_options_header(part.headers.get("content-disposition", ""))
        part.name = options.get(b"name", b"").decode(errors="replace")
        filename = options.get(b"filename")
        if filename is None:
            if len(self.form.fields) >= MOST_FIELDS:
                raise _too_large("#", f"A form may have at most {MOST_FIELDS} fields.")
            return
        part.filename = filename.decode(errors="replace")
        if len(self.form.files) >= self._limits.files:
            raise _too_large(pointer_to("attachments"), f"A request may have at most {self._limits.files} files.")
        self._unfinished = part.incoming = self._uploads.begin(self._limits.file_bytes, self._expires_at)

    async def _take(self, part: _Part, data: bytes) -> None:
        if part.incoming is not None:
            self._file_bytes += len(data)
            if self._file_bytes > self._limits.bytes:
                raise _too_large(pointer_to("attachments"), f"The message would be over {self._limits.bytes} bytes.")
            await part.incoming.write(data)
            return
        self._text_bytes += len(data)
        if self._text_bytes > FIELD_BYTES:
            raise _too_large(pointer_to(part.name), f"The fields may take at most {FIELD_BYTES} bytes together.")
        part.text += data

    async def _finish(self, part: _Part) -> None:
        if part.incoming is None:
            self.form.fields[part.name] = self._text(part)
            return
        blob = await part.incoming.finish()
        where = ("attachments", len(self.form.files))
        name = check_name(part.filename or "", where, self._faults)
        type_ = check_type(part.headers.get("content-type"), name or "", where, self._faults)
        content_id = part.headers.get("content-id", "").strip("<>") or None
        if content_id is not None and not CONTENT_ID.fullmatch(content_id):
            self._faults.add(pointer_to(*where, "content_id"), "invalid_content_id", "This is no content id.")
        self.form.files.append(File(name or "", type_ or "", content_id, blob))
        self._unfinished = None

    def _text(self, part: _Part) -> str:
        try:
            return part.text.decode()
        except UnicodeDecodeError:
            self._faults.add(pointer_to(part.name), "wrong_type", f"`{part.name}` must be text in UTF-8.")
            return ""


def _too_large(pointer: str, detail: str) -> ProblemError:
    headers = {"Connection": "close"}
    return ProblemError(413, TOO_LARGE, detail, errors=[Fault(pointer, TOO_LARGE, detail)], headers=headers)
