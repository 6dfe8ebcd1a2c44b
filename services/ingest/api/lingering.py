"""A refusal in the midst of a body: what is on its way is read on, within bounds, before the connection is closed.

A server that closes with bytes unread resets the connection (RFC 9112 section 9.6), and the caller, who is still
writing, may never see why.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import Request
from starlette.requests import ClientDisconnect

from shared.errors import ProblemError

MOST_BYTES = 2 * 1024 * 1024
MOST_SECONDS = 2.0


@asynccontextmanager
async def lingering(request: Request) -> AsyncIterator[None]:
    """Reads on where the block raises a 413 problem, up to 2 MiB and two seconds."""
    try:
        yield
    except ProblemError as problem:
        if problem.status == 413:
            await _read_on(request)
        raise


async def _read_on(request: Request) -> None:
    taken = 0
    # RuntimeError is how Starlette says that nothing is left
    with suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(MOST_SECONDS):
            async for chunk in request.stream():
                taken += len(chunk)
                if taken > MOST_BYTES:
                    return
