"""What a request to unsubscribe says: `application/x-www-form-urlencoded` or `multipart/form-data`, of a bounded
size."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from services.ingest.api.body import read_body
from services.ingest.tracking.pages import FIELD, ONE_CLICK, Wish

MOST_BYTES = 4_096
MOST_FIELDS = 8


async def wish_of(request: Request) -> tuple[Wish | None, bool]:
    """What is asked for, None where that is not said, and whether a mailbox provider asks in one click.

    Raises a 413 problem for a body over MOST_BYTES.
    """
    fields = await _fields(request.headers, await read_body(request, MOST_BYTES))
    if fields.get(FIELD) == ONE_CLICK:
        return Wish.OFF, True
    return next((wish for wish in Wish if fields.get("subscription") == wish), None), False


async def _fields(headers: Headers, body: bytes) -> dict[str, str]:
    """The fields of a form; none where it is no form."""
    if not headers.get("content-type", "").lower().startswith("multipart/form-data"):
        try:
            return dict(parse_qsl(body.decode("ascii"), max_num_fields=MOST_FIELDS))
        except ValueError:
            return {}

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(headers, chunks(), max_fields=MOST_FIELDS).parse()
    except MultiPartException:
        return {}
    return {name: value for name, value in form.items() if isinstance(value, str)}
