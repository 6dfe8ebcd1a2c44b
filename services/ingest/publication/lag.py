"""Measures what the pipeline has read and what it has not: the relay publishes only while the rest is little."""

from __future__ import annotations

import time

from services.ingest.publication.allowance import Allowance
from shared.kafka.lag import LagMeter
from shared.loops import Loops
from shared.telemetry import metrics

IDLE_TURNS = 10


class LagWatch:
    """Measures for all allowances at once, in its own loop; seldom while there is nothing unread."""

    def __init__(self, meter: LagMeter, allowances: list[Allowance], seconds: float) -> None:
        self._meter = meter
        self._allowances = allowances
        self._readers = {reader for allowance in allowances for path in allowance.paths for reader in path}
        self._seconds = seconds

    async def work(self, loops: Loops) -> None:
        idle_turns = 0
        try:
            while not loops.stopping.is_set():
                if idle_turns % IDLE_TURNS == 0:
                    await self.measure()
                idle_turns = idle_turns + 1 if all(one.is_idle for one in self._allowances) else 0
                await loops.pause(self._seconds)
        finally:
            await self._meter.close()

    async def measure(self) -> None:
        """Measures once, shows it as CONSUMER_LAG, and renews the allowances.

        Where that fails they stay: what was spent since the last measurement counts on, so the bound holds however
        long none comes, and a Kafka that is slow to answer for once does not stop the relays.
        """
        counted = [allowance.spent for allowance in self._allowances]
        lags = await self._meter.measure(self._readers)
        for reader, lag in lags.items():
            metrics.CONSUMER_LAG.labels(reader.group, reader.topic).set(lag.unread)
        now = time.monotonic()
        for allowance, before in zip(self._allowances, counted, strict=True):
            allowance.measured(lags, before, now)
