"""What the deliveries of this process say of their destinations, gathered, and written only where it changes one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from services.sender.arrivals import Held
from services.sender.destinations.adaptation import Observed, Slow, Standing, after
from services.sender.destinations.name import parse
from services.sender.destinations.signals import asks_for_less, in_words, went_well
from services.sender.destinations.table import Table
from services.sender.slots import Slots
from services.sender.smtp.outcomes import Deferred, Outcome
from shared.mongo.clock import DatabaseClock
from shared.telemetry import metrics

TURN_SECONDS, SHORTEST_TURN_SECONDS = 0.5, 0.05


class Feedback:
    """Notes outcomes; `run` writes what follows from them, for all destinations together: at once where one has failed
    or earned a connection more, and nothing while all goes well at its limit."""

    def __init__(self, slots: Slots, table: Table, clock: DatabaseClock) -> None:
        self._slots = slots
        self._table = table
        self._clock = clock
        self._seen: dict[str, Observed] = {}
        self._urgent = asyncio.Event()

    def heard(self, held: Held, outcome: Outcome) -> None:
        """Notes the outcome of a delivery's attempt."""
        destination, began = held.destination, held.began or 0.0
        if went_well(outcome):
            seen = self._seen.setdefault(destination, Observed())
            seen.succeeded()
            if self._has_earned(destination, seen):
                self._urgent.set()
            return
        trigger = None
        provider = parse(destination).provider
        if isinstance(outcome, Deferred) and outcome.code is not None:
            trigger = self._table.trigger(provider, outcome.text)
        if trigger is None and not asks_for_less(outcome):
            return
        seen, why = self._seen.setdefault(destination, Observed()), in_words(outcome)
        seen.refused(why, fresh=began >= self._slots.decreased_at(destination))
        if trigger is not None:
            until = self._clock.estimate() + timedelta(seconds=trigger.seconds)
            if trigger.suspend:
                seen.suspended = until
            else:
                seen.slow = Slow(until, trigger.connections, trigger.messages_per_minute, why)
        self._urgent.set()

    async def run(self, stopping: asyncio.Event, then: Callable[[], Awaitable[None]]) -> None:
        """Writes until the process stops; `then` makes use of what has changed."""
        while not stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), TURN_SECONDS)
            self._urgent.clear()
            if await self.write():
                await then()
                await asyncio.sleep(SHORTEST_TURN_SECONDS)

    async def write(self) -> int:
        """Writes the standings that have changed, and returns how many were to be: what another process was faster
        with is judged anew next time."""
        pending, self._seen = self._seen, {}
        try:
            changes = await self._changes(pending)
            before = {each: self._slots.standing(each) for each in changes}
            written = await self._slots.adapt(changes) if changes else ()
        except BaseException:
            self._keep(pending)
            raise
        self._keep({each: replace(pending[each], fresh=False) for each in changes if each not in written})
        for destination in written:
            _count(destination, before[destination], changes[destination])
        return len(changes)

    def _has_earned(self, destination: str, seen: Observed) -> bool:
        limits, standing = self._slots.limits(destination), self._slots.standing(destination)
        if limits is None or standing is None:
            return False
        return standing.window < limits.connections and standing.good + seen.good >= standing.window

    async def _changes(self, pending: Mapping[str, Observed]) -> dict[str, Standing]:
        now = await self._clock.current()
        changes = {}
        for destination, seen in pending.items():
            limits, standing = self._slots.limits(destination), self._slots.standing(destination)
            if limits is None or standing is None:
                continue
            new = after(standing, seen, limits.connections, limits.cooldown_seconds, now)
            if replace(new, good=standing.good) != standing:
                changes[destination] = new
            elif new.good != standing.good:
                self._keep({destination: seen})  # a part of a cohort: it is not worth a write yet
        return changes

    def _keep(self, pending: Mapping[str, Observed]) -> None:
        for destination, seen in pending.items():
            newer = self._seen.get(destination)
            if newer is None:
                self._seen[destination] = seen
                continue
            newer.failed += 0 if newer.good else seen.failed
            newer.good += seen.good
            newer.fresh = newer.fresh or seen.fresh
            newer.why = newer.why or seen.why
            newer.slow, newer.suspended = newer.slow or seen.slow, newer.suspended or seen.suspended


def _count(destination: str, before: Standing | None, new: Standing) -> None:
    """Counts a decrease by what it was."""
    if before is None or new.window > before.window:
        return
    if new.until != before.until:
        kind = "cooldown" if new.step > before.step else "suspended"
    elif new.slow != before.slow:
        kind = "slowed"
    elif new.window < before.window:
        kind = "halved"
    else:
        return
    metrics.DESTINATION_DECREASES.labels(parse(destination).provider, kind).inc()
