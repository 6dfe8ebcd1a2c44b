"""Requests as forms, read as they come: fields are kept, files go to the store a chunk at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request

from services.ingest.acceptance.files import CONTENT_ID, check_content_ids, check_name, check_type
from services.ingest.faults import TOO_LARGE, Faults, pointer_to
from services.ingest.store.uploads import File, Incoming, TooManyBytesError, Uploads
from shared.content import Blob
from shared.errors import Fault, ProblemError
from shared.multipart import PartHead, parts_of

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
    reader = _Reader(uploads, limits, expires_at, faults)
    try:
        await reader.read(request)
        check_content_ids(reader.form.files, faults)
        yield reader.form
    except BaseException:
        await uploads.discard(reader.stored())
        raise


@dataclass(slots=True)
class _Part:
    """One part: its head, then its text as it comes, or the file that it is."""

    head: PartHead
    text: bytearray = field(default_factory=bytearray)
    incoming: Incoming | None = None


class _Reader:
    """Takes the parts one after the other."""

    def __init__(self, uploads: Uploads, limits: Limits, expires_at: datetime, faults: Faults) -> None:
        self.form = Form()
        self._uploads, self._limits, self._expires_at, self._faults = uploads, limits, expires_at, faults
        self._part = _Part(PartHead("", None, {}))
        self._unfinished: Incoming | None = None
        self._text_bytes, self._file_bytes = 0, 0

    async def read(self, request: Request) -> None:
        """The whole body; raises a 400 problem for what is no form, a 413 problem for what is too much."""
        try:
            async for step in parts_of(request):
                match step:
                    case PartHead():
                        self._begin(step)
                    case bytes():
                        await self._take(self._part, step)
                    case None:
                        await self._finish(self._part)
        except TooManyBytesError as error:
            pointer = pointer_to(self._part.head.name or "attachments")
            raise _too_large(pointer, f"A file may be at most {self._limits.file_bytes} bytes.") from error

    def stored(self) -> list[Blob]:
        """What was stored so far, the file that was coming in among it."""
        blobs = [file.data for file in self.form.files if isinstance(file.data, Blob)]
        return [*blobs, self._unfinished.so_far] if self._unfinished is not None else blobs

    def _begin(self, head: PartHead) -> None:
        self._part = _Part(head)
        if head.filename is None:
            if len(self.form.fields) >= MOST_FIELDS:
                raise _too_large("#", f"A form may have at most {MOST_FIELDS} fields.")
            return
        if len(self.form.files) >= self._limits.files:
            raise _too_large(pointer_to("attachments"), f"A request may have at most {self._limits.files} files.")
        self._unfinished = self._part.incoming = self._uploads.begin(self._limits.file_bytes, self._expires_at)

    async def _take(self, part: _Part, data: bytes) -> None:
        if part.incoming is not None:
            self._file_bytes += len(data)
            if self._file_bytes > self._limits.bytes:
                raise _too_large(pointer_to("attachments"), f"The message would be over {self._limits.bytes} bytes.")
            await part.incoming.write(data)
            return
        self._text_bytes += len(data)
        if self._text_bytes > FIELD_BYTES:
            raise _too_large(pointer_to(part.head.name), f"The fields may take at most {FIELD_BYTES} bytes together.")
        part.text += data

    async def _finish(self, part: _Part) -> None:
        if part.incoming is None:
            self.form.fields[part.head.name] = self._text(part)
            return
        blob = await part.incoming.finish()
        where = ("attachments", len(self.form.files))
        name = check_name(part.head.filename or "", where, self._faults)
        type_ = check_type(part.head.headers.get("content-type"), name or "", where, self._faults)
        content_id = part.head.headers.get("content-id", "").strip("<>") or None
        if content_id is not None and not CONTENT_ID.fullmatch(content_id):
            self._faults.add(pointer_to(*where, "content_id"), "invalid_content_id", "This is no content id.")
        self.form.files.append(File(name or "", type_ or "", content_id, blob))
        self._unfinished = None

    def _text(self, part: _Part) -> str:
        try:
            return part.text.decode()
        except UnicodeDecodeError:
            self._faults.add(pointer_to(part.head.name), "wrong_type", f"`{part.head.name}` must be text in UTF-8.")
            return ""


def _too_large(pointer: str, detail: str) -> ProblemError:
    headers = {"Connection": "close"}
    return ProblemError(413, TOO_LARGE, detail, errors=[Fault(pointer, TOO_LARGE, detail)], headers=headers)
