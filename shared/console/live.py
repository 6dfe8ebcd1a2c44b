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
from pymongo.errors import PyMongoError

from shared.console.gate import Gate
from shared.errors import ProblemError

LOOK_SECONDS = 1.0
BEAT_SECONDS = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
BEAT = b": still here\n\n"
Render = Callable[[], Awaitable[str]]


async def live(gate: Gate, request: Request, render: Render, stopping: asyncio.Event) -> StreamingResponse:
    """Sends what `render` gives whenever it has changed, looking every second, until session or process ends.

    What it gives first is made before the answer begins: what it raises is the answer.
    """
    first = await render()
    events = _events(gate, request, render, stopping, first)
    return StreamingResponse(events, headers=HEADERS, media_type="text/event-stream")


async def _events(
    gate: Gate, request: Request, render: Render, stopping: asyncio.Event, sent: str
) -> AsyncIterator[bytes]:
    yield format_sse_event(data_str=sent)
    sent_at = time.monotonic()
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), LOOK_SECONDS)
        if stopping.is_set():
            return
        try:
            await gate.visitor(request)
            part = await render()
        except (ProblemError, PyMongoError):
            return  # the page's script asks again, and hears why
        now = time.monotonic()
        if part != sent:
            yield format_sse_event(data_str=part)
            sent, sent_at = part, now
        elif now - sent_at >= BEAT_SECONDS:
            yield BEAT
            sent_at = now
