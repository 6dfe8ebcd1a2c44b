"""Reading a JSON body with a bound on what is taken in, whatever its length was said to be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.requests import ClientDisconnect

from shared.errors import ProblemError

SMALL_BYTES = 1024 * 1024
MakeRoom = Callable[[int], Awaitable[float]]
"""Waits until there is room for so many bytes; the seconds that the body may then take to come."""


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


async def read_body(request: Request, most: int, room: MakeRoom | None = None) -> bytes:
    """The body; raises a 413 problem once it is over `most` bytes, and a 400 problem where the caller went away.

    For one over SMALL_BYTES `room` is awaited before more of it is read: with its declared length, else with `most`.
    """
    pieces = _Pieces(request, most)
    declared = _declared_length(request)
    if declared is not None and declared > most:
        raise _too_large(most)
    if room is not None and (declared is None or declared > SMALL_BYTES):
        if declared is None and await pieces.read(SMALL_BYTES):
            return pieces.joined()
        seconds = await room(declared or most)
        try:
            async with asyncio.timeout(seconds):
                await pieces.read(most)
        except TimeoutError as error:
            raise _incomplete(f"The body did not come within {seconds:g} s.") from error
    else:
        await pieces.read(most)
    return pieces.joined()


class _Pieces:
    """A body as it comes in."""

    def __init__(self, request: Request, most: int) -> None:
        self._stream = request.stream()
        self._most = most
        self._pieces: list[bytes] = []
        self._taken = 0

    async def read(self, until: int) -> bool:
        """Reads on until more than so many bytes are there; True where the body ended before."""
        try:
            async for piece in self._stream:
                self._taken += len(piece)
                if self._taken > self._most:
                    raise _too_large(self._most)
                self._pieces.append(piece)
                if self._taken > until:
                    return False
        except ClientDisconnect as error:
            raise _incomplete("The body ended before its end.") from error
        return True

    def joined(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _declared_length(request: Request) -> int | None:
    """What Content-Length says, where it is what counts (RFC 9112 section 6.3)."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() and "transfer-encoding" not in request.headers else None


def _incomplete(detail: str) -> ProblemError:
    return ProblemError(400, "incomplete_body", detail, headers={"Connection": "close"})


def _too_large(most: int) -> ProblemError:
    return ProblemError(413, "too_large", f"The body may be at most {most} bytes.", headers={"Connection": "close"})
