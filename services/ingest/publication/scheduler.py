"""The scheduler: hands what is due to the relays, on the database's clock, and tells what ingest itself decided."""

from __future__ import annotations

from services.ingest.publication.tenure import HeldTenure
from services.ingest.store.schedule import Schedule
from shared.mongo.clock import DatabaseClock
from shared.mongo.outbox import Outbox
from shared.telemetry import metrics

BATCH = 500


class Scheduler:
    """One process's by lease; and each submission goes by a compare-and-set of its own, which a cancellation tests."""

    def __init__(self, schedule: Schedule, clock: DatabaseClock, announcer: Outbox, tenure: HeldTenure) -> None:
        self.tenure = tenure
        self._announcer = announcer
        self._schedule = schedule
        self._clock = clock

    async def turn(self) -> bool:
        """Lets one batch of due submissions go, and publishes what waits to be told; True where there may be more."""
        released = await self._schedule.release(await self._clock.earliest(), BATCH)
        metrics.RELEASED.inc(released)
        announced = await self._announcer.sweep(older_than=0, limit=BATCH)
        return max(released, announced) >= BATCH
