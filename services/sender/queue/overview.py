"""What waits in the sender, counted by lane, state and destination, for those who look at the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.sender.destinations.name import parse
from services.sender.queue.selection import Selection
from services.sender.store.deliveries import IDLE
from services.sender.store.destinations import Destinations, Grant
from services.sender.store.queue import LANES, Queue, Tally, is_within
from shared.contracts.record import rfc3339
from shared.mongo.clock import DatabaseClock
from shared.tokens import made_at

MOST_OF_LANE = 100_000
MOST_OF_DESTINATION = 10_000
FREE = "waits for its turn"
FULL = "every connection that the destination allows is in use"
ON_ITS_WAY = "is routed and checked anew"


class Overview:
    """Counts no further than MOST_OF_LANE and MOST_OF_DESTINATION: `more` says that there is more."""

    def __init__(self, queue: Queue, destinations: Destinations, clock: DatabaseClock) -> None:
        self._queue = queue
        self._destinations = destinations
        self._clock = clock

    async def lanes(self, workspace: str | None) -> list[dict[str, Any]]:
        """Each lane's states."""
        place = {} if workspace is None else {"workspace_id": workspace}
        cells = [(lane, state) for lane in LANES for state in IDLE]
        flying, *tallies = await asyncio.gather(
            self._queue.in_flight(workspace),
            *(self._queue.tally({"state": state, "lane": lane, **place}, MOST_OF_LANE) for lane, state in cells),
        )
        by_cell = dict(zip(cells, tallies, strict=True))
        return [
            {
                "lane": lane,
                "in_flight": _flying([row for row in flying if row["lane"] == lane]),
                **{state: _shown(by_cell[lane, state]) for state in IDLE},
            }
            for lane in LANES
        ]

    async def destinations(self, selection: Selection, after: str | None, limit: int) -> list[dict[str, Any]]:
        """The destinations that anything waits for or goes to, in the order of their names."""
        waiting, flying = await asyncio.gather(
            self._queue.destinations(selection), self._queue.in_flight(selection.workspace)
        )
        begun = {each["destination"] for each in flying if is_within(each["destination"], selection)}
        wanted = {*waiting, *(begun if selection.domain is None else ())}
        named = [each for each in sorted(wanted) if after is None or each > after][:limit]
        place = {} if selection.workspace is None else {"workspace_id": selection.workspace}
        cells = [(destination, state) for destination in named for state in IDLE]
        tallies = await asyncio.gather(
            *(
                self._queue.tally(
                    {"state": state, "lane": {"$in": LANES}, "destination": destination, **place}, MOST_OF_DESTINATION
                )
                for destination, state in cells
            )
        )
        by_cell = dict(zip(cells, tallies, strict=True))
        oldest = [tally.oldest for tally in tallies if tally.oldest is not None]
        whys, grants, now = await asyncio.gather(
            self._queue.some(oldest, {"why": 1, "hold": 1, "last.outcome": 1}),
            self._destinations.find(named),
            self._clock.current(),
        )
        return [
            self._destination(
                destination,
                [row for row in flying if row["destination"] == destination],
                {state: by_cell[destination, state] for state in IDLE},
                whys,
                grants.get(destination),
                now,
            )
            for destination in named
        ]

    def _destination(
        self,
        destination: str,
        flying: Sequence[Mapping[str, Any]],
        tallies: Mapping[str, Tally],
        whys: Mapping[str, Mapping[str, Any]],
        grant: Grant | None,
        now: datetime,
    ) -> dict[str, Any]:
        transport, rollup = parse(destination)[:2]
        in_flight = _flying(flying)
        limit = grant.standing.allowed(grant.limit, now) if grant else None
        full = limit is not None and in_flight["count"] >= limit
        waits = grant.standing.waits_for(now) if grant else None
        for_all = f"{waits[0]}, until {rfc3339(waits[1])}" if waits else FULL if full else FREE
        shown = {}
        for state, tally in tallies.items():
            first = whys.get(tally.oldest or "", {})
            why = why_of(state, first) or for_all
            shown[state] = _shown(tally) | {"why": why if tally.count else None, "hold": first.get("hold")}
        return {
            "id": destination,
            "transport": transport or None,
            "rollup": rollup or None,
            "connections": limit,
            "in_flight": in_flight,
            **shown,
        }


def why_of(state: str, document: Mapping[str, Any]) -> str | None:
    """What a delivery waits for, as far as its own document says it."""
    if state == "released":
        return ON_ITS_WAY
    why: str | None = document.get("why") or document.get("last", {}).get("outcome")
    return why


def _shown(tally: Tally) -> dict[str, Any]:
    return {
        "count": tally.count,
        "more": tally.more,
        "oldest_at": rfc3339(made_at(tally.oldest)) if tally.oldest else None,
        "next_at": rfc3339(tally.due_at) if tally.due_at else None,
    }


def _flying(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    oldest = min((row["oldest"] for row in rows), default=None)
    return _shown(Tally(sum(row["count"] for row in rows), oldest=oldest))
