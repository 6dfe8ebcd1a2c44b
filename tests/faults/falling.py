"""A process that kills itself at a named point, and a load that goes on until all have done so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Any

from deploy.local.errors import StartError
from deploy.local.stack import NOTHING
from shared.failpoints import VARIABLE
from tests.faults.world import World
from tests.fixtures.deployment import eventually

REACHED_SECONDS = 90.0
SHARE, UNTRIED = 12, 40  # messages: sent at once; not yet at the sink while more are sent
ROOM_SECONDS = 0.2


async def die(there: World, process: str, point: str, nth: int, environ: Mapping[str, str] = NOTHING) -> None:
    """Starts a process that does not run; returns when it has come to that point `nth` times and killed itself.

    `environ` are variables that it gets besides.
    """
    log = there.stack.log_file(process)
    logged = log.stat().st_size
    armed = {VARIABLE: f"{point}=kill@{nth}"}
    with suppress(StartError):  # it may come to the point before it is ready
        await asyncio.to_thread(there.stack.start, process, environ={**environ, **armed})
    ended = await asyncio.to_thread(there.stack.wait_ended, process, REACHED_SECONDS)
    said = log.read_bytes()[logged:].decode(errors="replace")
    assert ended, f"{process} did not come to {armed}"
    assert f'"failpoint": "{point}", "action": "kill"' in said, said[-2000:]


async def load(there: World, messages: int, fallen: Sequence[asyncio.Task[Any]], untried: int = UNTRIED) -> None:
    """Sends so many messages, and more of them until all have fallen: a few at once, while fewer than `untried` have
    not come to the sink."""

    async def over() -> bool:
        return all(task.done() for task in fallen)

    async def wanted() -> bool:
        return await over() or await _has_room(there, untried)

    await there.load.send(messages)
    while not await over():
        # a process that does not come to its point ends this too
        await eventually(wanted, seconds=inf, every=ROOM_SECONDS)
        await there.load.send(min(SHARE, messages))


async def _has_room(there: World, untried: int) -> bool:
    attempts = await there.witness.copies(there.load.answered, "attempts")
    return sum(not count for count in attempts.values()) < untried
