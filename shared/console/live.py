"""Live parts of a page: server-sent events (HTML Living Standard section 9.2) that carry a part anew when it differs.

The page's script puts it in place; without script the page stays as it was loaded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from shared.console.gate import Gate
from shared.errors import ProblemError

LOOK_SECONDS = 1.0
BEAT_SECONDS = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
BEAT = b": still here\n\n"
Render = Callable[[], Awaitable[str]]


def live(gate: Gate, request: Request, render: Render, stopping: asyncio.Event) -> StreamingResponse:
    """Sends what `render` gives whenever it has changed, looking every second, until session or process ends."""
    return StreamingResponse(_events(gate, request, render, stopping), headers=HEADERS, media_type="text/event-stream")


async def _events(gate: Gate, request: Request, render: Render, stopping: asyncio.Event) -> AsyncIterator[bytes]:
    sent: str | None = None
    sent_at = time.monotonic()
    while not stopping.is_set():
        try:
            await gate.visitor(request)
        except ProblemError:
            return  # the page's script asks again, and is led to the sign-in
        part, now = await render(), time.monotonic()
        if part != sent:
            yield format_sse_event(data_str=part)
            sent, sent_at = part, now
        elif now - sent_at >= BEAT_SECONDS:
            yield BEAT
            sent_at = now
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), LOOK_SECONDS)
