"""How a process of the router takes part in health: by counting and judging, by knowing of it, or both."""

from __future__ import annotations

from services.router.health.counting import Counting
from services.router.health.judging import Judging
from services.router.health.settings import HealthSettings
from services.router.health.store.breakers import Breakers
from services.router.health.store.hours import Hours
from services.router.health.store.reputations import Reputations
from services.router.health.store.slots import Slots
from services.router.health.store.standings import Standings
from services.router.health.told import Told
from services.router.health.view import HealthView
from shared.contracts.topics import EVENTS
from shared.kafka.fetching import Fetching
from shared.loops import Loops
from shared.service import Base

WAIT_MS, MIN_BYTES, RECORDS = 1000, 4_000_000, 5000  # few large batches: each rewrites the slots that it counts in


class HealthRoom:
    """The stores of health, and what works on them."""

    def __init__(self, base: Base, settings: HealthSettings) -> None:
        self.settings = settings
        self.slots, self.hours = Slots(base.database), Hours(base.database)
        self.breakers, self.standings = Breakers(base.database), Standings(base.database)
        self.reputations = Reputations(base.database)
        self.view = HealthView(self.standings, self.breakers, self.reputations, settings.breaking)
        self._base = base

    def count(self) -> None:
        """Attaches the consumer of `mail.events`."""
        counting = Counting(self.slots, self.settings.slot_width)
        fetching = Fetching(WAIT_MS, MIN_BYTES, max(RECORDS, self.settings.batch_size))
        self._base.consume("health", {EVENTS: Told}, counting.handle, fetching)

    def judge(self, loops: Loops) -> None:
        """Judges again and again."""
        judging = Judging(
            self.slots,
            self.hours,
            self.breakers,
            self.standings,
            self.reputations,
            self.settings.breaking,
            self.settings.thresholds,
        )
        loops.every("router.breakers", self.settings.health_refresh_seconds, judging.breakers)
        loops.every("router.reputations", self.settings.reputation_seconds, judging.reputations)

    def watch(self, loops: Loops) -> None:
        """Keeps the view up to date."""
        loops.every("router.health", self.settings.health_refresh_seconds, self.view.refresh)
