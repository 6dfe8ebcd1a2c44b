"""Composes what operates on the queue: holds, and the jobs of `/v1/queue`."""

from __future__ import annotations

from datetime import timedelta

from services.sender.endings import Endings
from services.sender.handlers import CommandsHandler
from services.sender.queue.active import FRESH_SECONDS, ActiveHolds
from services.sender.queue.deeds import Deeds
from services.sender.queue.lifting import Lifting
from services.sender.queue.runner import Runner
from services.sender.settings import Settings
from services.sender.store.changing import Changing
from services.sender.store.deliveries import Deliveries
from services.sender.store.destinations import Destinations
from services.sender.store.holds import Holds
from services.sender.store.jobs import Jobs
from services.sender.store.queue import Queue
from shared.loops import Loops
from shared.mongo.clock import DatabaseClock
from shared.service import Base

JOBS_SECONDS = 0.5


class Operations:
    """The parts of the role `deliver` that what waits is operated with. `holds` is asked before every attempt."""

    def __init__(
        self,
        base: Base,
        settings: Settings,
        deliveries: Deliveries,
        destinations: Destinations,
        endings: Endings,
        commands: CommandsHandler,
        clock: DatabaseClock,
    ) -> None:
        kept = timedelta(days=settings.tombstone_days)
        holds, jobs = Holds(base.database), Jobs(base.database, settings.lease_seconds)
        queue, changing = Queue(deliveries), Changing(deliveries)
        self.holds = ActiveHolds(holds, clock)
        deeds = Deeds(changing, holds, deliveries, endings, commands, kept)
        self._runner = Runner(jobs, queue, destinations, holds, deeds, timedelta(days=settings.queue_audit_days))
        self._lifting = Lifting(queue, holds, jobs, changing, clock)

    def start(self, loops: Loops) -> None:
        loops.every("sender.holds", FRESH_SECONDS / 2, self.holds.refresh)
        loops.every("sender.lift", FRESH_SECONDS, self._lifting.turn)
        loops.every("sender.jobs", JOBS_SECONDS, lambda: self._runner.turn(loops.stopping))
