"""Reading a JSON body with a bound on what is taken in, whatever its length was said to be."""

from __future__ import annotations

from fastapi import Request
from starlette.requests import ClientDisconnect

from shared.errors import ProblemError


def require_json(request: Request) -> None:
    """Raises a 415 problem for a body that does not say that it is plain JSON in UTF-8 (RFC 8259 section 8.1)."""
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    media_type = media_type.strip()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise ProblemError(415, "unsupported_media_type", "The body must be JSON: 'Content-Type: application/json'.")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "')
    if charset not in ("", "utf-8", "utf8"):
        raise ProblemError(415, "unsupported_media_type", "JSON is in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "unsupported_content_encoding", "The body may not be compressed.")


async def read_body(request: Request, most: int) -> bytes:
    """The body; raises a 413 problem once it is over `most` bytes, and a 400 problem where the caller went away."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(most)
    chunks: list[bytes] = []
    taken = 0
    try:
        async for chunk in request.stream():
            taken += len(chunk)
            if taken > most:
                raise _too_large(most)
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise ProblemError(400, "incomplete_body", "The body ended before its end.") from error
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(most: int) -> ProblemError:
    return ProblemError(413, "too_large", f"The body may be at most {most} bytes.", headers={"Connection": "close"})
