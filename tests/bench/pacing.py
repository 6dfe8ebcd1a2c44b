"""Messages in turns: so many at once as fast as they are taken, or twenty turns a second of a rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

AT_ONCE = 500
TURNS_A_SECOND = 20


async def turns(messages: int, rate: float | None = None) -> AsyncIterator[range]:
    """The numbers of each turn's messages, once it is time for it; `rate` is messages a second, None is no pause."""
    size, began = AT_ONCE if rate is None else max(1, round(rate / TURNS_A_SECOND)), time.monotonic()
    for begin in range(0, messages, size):
        if rate is not None:
            await asyncio.sleep(max(0.0, began + begin / rate - time.monotonic()))
        yield range(begin, min(begin + size, messages))
