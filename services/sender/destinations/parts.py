"""The parts that limits are made of: how many connections, from which source, how fast; what they do by the clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from services.sender.destinations.feedback import Feedback
from services.sender.destinations.pacing import Pacing
from services.sender.destinations.placing import Placing
from services.sender.destinations.standings import Standings
from services.sender.destinations.table import load
from services.sender.destinations.warmups import Warmups
from services.sender.destinations.ways import Ways
from services.sender.settings import Settings
from services.sender.slots import Slots
from services.sender.smtp.pool import Pool
from services.sender.store.destinations import Destinations
from services.sender.store.warmups import DayCounts
from shared.loops import Loops
from shared.mongo.clock import DatabaseClock
from shared.mongo.due import new_token
from shared.service import Base

SETTLE_SECONDS = 0.5
STANDINGS_SECONDS = 5


class DestinationParts:
    """Those of one process."""

    def __init__(self, base: Base, settings: Settings, pool: Pool, clock: DatabaseClock) -> None:
        table = load(settings.providers_file)
        self.store = Destinations(base.database, new_token(), settings.lease_seconds)
        self.slots = Slots(self.store, pool, clock, settings.lease_seconds)
        self.feedback = Feedback(self.slots, table, clock)
        self._warmups = Warmups(DayCounts(base.database), clock)
        self.pacing = Pacing(self.slots, pool, self._warmups, clock)
        self.ways = Ways(base.cache, table, self._warmups)
        self.placing = Placing(self.ways, table, self._warmups)
        self._standings = Standings(self.slots, self.pacing, pool, clock)

    def start(self, loops: Loops, settle: Callable[[], Awaitable[None]]) -> None:
        """`settle` makes use of what has changed."""
        loops.every("sender.settle", SETTLE_SECONDS, settle)
        loops.run("sender.adapt", lambda: self.feedback.run(loops.stopping, settle))
        loops.run("sender.warm-up", lambda: self._warmups.run(loops.stopping))
        loops.every("sender.standings", STANDINGS_SECONDS, self._standings.measure)

    async def close(self) -> None:
        """Gives back what sources may send today and have not; what is lost is only a part of a day's count."""
        with suppress(Exception):
            await self._warmups.give_back()
