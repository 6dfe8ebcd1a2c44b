"""A form with a file, read as it comes: what stands before the file is known before any of the file is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from fastapi import Request

from shared.console.gate import FORM_FIELD, Gate, Visitor, require_own_site
from shared.errors import ProblemError
from shared.multipart import PartHead, parts_of

MOST_FIELD_BYTES = 64 * 1024
Steps = AsyncIterator[PartHead | bytes | None]


@dataclass(frozen=True, slots=True)
class Upload:
    """The `fields` before the first file, that file's name (empty where none was chosen), and its bytes to be read."""

    fields: Mapping[str, str]
    filename: str
    file: AsyncIterator[bytes]

    async def leave(self) -> None:
        """Reads the rest and forgets it: a browser looks at an answer only once everything has left."""
        async for _ in self.file:
            pass


async def upload_of(request: Request, gate: Gate, visitor: Visitor) -> Upload:
    """The form of a visitor, of any length. Raises a 403 problem for one that is not of the session, whose token has
    to stand before the file; a 400, 413 or 415 problem for what is no form."""
    require_own_site(request)
    steps = parts_of(request)
    fields, filename = await fields_before_file(steps)
    gate.require_token(visitor, fields.get(FORM_FIELD))
    return Upload(fields, filename, file_of(steps))


async def fields_before_file(steps: Steps) -> tuple[dict[str, str], str]:
    """What the steps say until a file begins, and its name; empty where the form ends without one."""
    fields: dict[str, str] = {}
    name, text, taken = "", bytearray(), 0
    async for step in steps:
        match step:
            case PartHead(filename=None):
                name, text = step.name, bytearray()
            case PartHead():
                return fields, step.filename or ""
            case bytes():
                text += step
                taken += len(step)
                if taken > MOST_FIELD_BYTES:
                    raise ProblemError(413, "too_large", "The fields of this form are too long.")
            case None:
                fields[name] = text.decode(errors="replace")
    return fields, ""


async def file_of(steps: Steps) -> AsyncIterator[bytes]:
    """The bytes of the part that has begun; what comes behind it is passed over."""
    ended = False
    async for step in steps:
        ended = ended or step is None
        if isinstance(step, bytes) and not ended:
            yield step
