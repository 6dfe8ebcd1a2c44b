"""The scheduler: hands what is due to the relays, on the database's clock."""

from __future__ import annotations

from services.ingest.publication.tenure import HeldTenure
from services.ingest.store.schedule import Schedule
from shared.mongo.clock import DatabaseClock
from shared.telemetry import metrics

BATCH = 500


class Scheduler:
    """One process's by lease; and each submission goes by a compare-and-set of its own, which a cancellation tests."""

    def __init__(self, schedule: Schedule, clock: DatabaseClock, tenure: HeldTenure) -> None:
        self.tenure = tenure
        self._schedule = schedule
        self._clock = clock

    async def turn(self) -> bool:
        """Lets one batch of due submissions go; True where there may be more."""
        released = await self._schedule.release(await self._clock.current(), BATCH)
        metrics.RELEASED.inc(released)
        return released >= BATCH
