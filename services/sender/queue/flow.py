"""How a workspace's mail flows through the queue: what waits in a lane, for how long, and how fast it leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.sender.queue.overview import Overview
from services.sender.queue.stages import Stages
from services.sender.store.drained import Drained
from services.sender.store.queue import LANES, Queue
from shared.mongo.clock import DatabaseClock

STAGES = ("router", "suppression", "sender")
"""The stages that all mail goes through before it waits here. What the outbox before them holds is not told: its order
gives each workspace a share of its own, so that its age says nothing of anybody else's mail."""
STAGES_SECONDS = 1.0
KEPT_SECONDS = 1.0
MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class LaneFlow:
    """A lane. `states` are its counts by state, as `/v1/queue` shows them; `waited` is for how many seconds the first
    of what waits for a connection has waited, None where nothing does; `per_second` is how many have ended in a second,
    over the last minute; `behind` says of each of STAGES how many seconds ago the first record came that it has not
    read, 0 where there is none, and is None where that is not known."""

    lane: str
    states: Mapping[str, Mapping[str, Any]]
    waited: float | None
    per_second: float
    behind: Mapping[str, float] | None


@dataclass(slots=True)
class _Look:
    """What was seen of a workspace, and when."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    at: float = float("-inf")
    lanes: list[LaneFlow] = field(default_factory=list)


class Flow:
    """Looks once for however many ask, and keeps what it saw for KEPT_SECONDS: counting a long queue takes a while."""

    def __init__(
        self, queue: Queue, overview: Overview, drained: Drained, stages: Stages, clock: DatabaseClock
    ) -> None:
        self._queue = queue
        self._overview = overview
        self._drained = drained
        self._stages = stages
        self._clock = clock
        self._looks: dict[str, _Look] = {}

    async def lanes(self, workspace: str) -> list[LaneFlow]:
        """The critical lane first."""
        if len(self._looks) >= MOST_KEPT:
            self._looks.clear()
        look = self._looks.setdefault(workspace, _Look())
        async with look.lock:
            if time.monotonic() - look.at > KEPT_SECONDS:
                look.lanes = await self._look(workspace)
                look.at = time.monotonic()
            return look.lanes

    async def _look(self, workspace: str) -> list[LaneFlow]:
        now = await self._clock.current()
        lanes, stages, per_second, *since = await asyncio.gather(
            self._overview.lanes(workspace),
            self._stages.glance(STAGES_SECONDS),
            self._drained.per_second(workspace, now),
            *(self._queue.waiting_since(workspace, lane) for lane in LANES),
        )
        behind = {lane: behind_of(stages, lane, now) for lane in LANES}
        return [
            LaneFlow(
                lane["lane"],
                {state: tally for state, tally in lane.items() if state != "lane"},
                max((now - first).total_seconds(), 0.0) if first else None,
                per_second[lane["lane"]],
                behind[lane["lane"]],
            )
            for lane, first in zip(lanes, since, strict=True)
        ]


def behind_of(stages: Iterable[Mapping[str, Any]] | None, lane: str, now: datetime) -> dict[str, float] | None:
    """How far each of STAGES is behind in a lane, of what `Stages` saw."""
    if stages is None:
        return None
    oldest = {each["stage"]: each["oldest_at"] for each in stages if each["lane"] == lane}
    return {stage: seconds_since(oldest[stage], now) for stage in STAGES}


def seconds_since(moment: str | None, now: datetime) -> float:
    return max((now - datetime.fromisoformat(moment)).total_seconds(), 0.0) if moment else 0.0
