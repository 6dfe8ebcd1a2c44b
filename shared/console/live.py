"""Live parts of a page: server-sent events (HTML Living Standard section 9.2) that carry a part anew when it differs.

The page's script puts it in place; without script the page stays as it was loaded.

A look costs what the part costs on its page: 20 open lists of 50 messages took a sixth of a core though nothing
happened. What everybody in a workspace sees alike is therefore rendered once for all who have it open in this process:
their streams look at the same moment, and take what the first of them finds. To ask first whether anything is new was
not the way: each part would need a question of its own, and that of a list reads the same documents.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pymongo.errors import PyMongoError

from shared.console.gate import Gate
from shared.errors import ProblemError

LOOK_SECONDS = 1.0
BEAT_SECONDS = 15.0
MOMENTS = 1000  # in which looks begin
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
BEAT = b": still here\n\n"
Render = Callable[[], Coroutine[Any, Any, str]]


class Looks:
    """The looks of this moment, by what is looked at: one for all who ask for it within half of LOOK_SECONDS."""

    def __init__(self) -> None:
        self._looks: dict[Hashable, asyncio.Task[str]] = {}

    async def part(self, what: Hashable, render: Render) -> str:
        """What `render` gives, or gave to another who looked at the same; raises what it raises."""
        look = self._looks.get(what)
        if look is None:
            look = self._looks[what] = asyncio.create_task(render())
            asyncio.get_running_loop().call_later(LOOK_SECONDS / 2, self._looks.pop, what)
        return await asyncio.shield(look)  # who leaves does not end it for the others


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of a part. `is_alike` says that everybody in a workspace sees the same at the request's URL."""

    gate: Gate
    request: Request
    render: Render
    stopping: asyncio.Event
    looks: Looks
    is_alike: bool

    async def response(self) -> StreamingResponse:
        """Sends what `render` gives whenever it has changed, looking every second, until session or process ends.

        What it gives first is made before the answer begins: what it raises is the answer.
        """
        first = await self.render()
        return StreamingResponse(self._events(first), headers=HEADERS, media_type="text/event-stream")

    async def _events(self, sent: str) -> AsyncIterator[bytes]:
        yield format_sse_event(data_str=sent)
        sent_at = time.monotonic()
        while not await self._stops():
            try:
                part = await self._look()
            except (ProblemError, PyMongoError):
                return  # the page's script asks again, and hears why
            now = time.monotonic()
            if part != sent:
                yield format_sse_event(data_str=part)
                sent, sent_at = part, now
            elif now - sent_at >= BEAT_SECONDS:
                yield BEAT
                sent_at = now

    async def _stops(self) -> bool:
        """Waits for the next look; True as soon as the process stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds_to_look(str(self.request.url), time.monotonic()))
        return self.stopping.is_set()

    async def _look(self) -> str:
        visitor = await self.gate.visitor(self.request)
        if not self.is_alike:
            return await self.render()
        return await self.looks.part((visitor.workspace_id, str(self.request.url)), self.render)


def seconds_to_look(url: str, now: float) -> float:
    """Until the next look at a URL: every LOOK_SECONDS, all streams of one URL at once, those of others at other times.
    `now` is in seconds of any clock that the process has."""
    phase = hash(url) % MOMENTS / MOMENTS
    return LOOK_SECONDS * (1 - (now / LOOK_SECONDS + phase) % 1)
