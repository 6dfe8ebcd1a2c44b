"""Kafka in: events, counted once each in the slot of the time at which they happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.router.health.counts import counts_of
from services.router.health.slots import Counted, SlotKey, is_in_time, start_of
from services.router.health.store.slots import Slots
from services.router.health.told import Told
from shared.kafka.batch import Incoming
from shared.telemetry import metrics


class Counting:
    """Counts batches of `mail.events` in slots that are `width` long."""

    def __init__(self, slots: Slots, width: timedelta) -> None:
        self._slots = slots
        self._width = width

    async def handle(self, batch: list[Incoming[Told]]) -> None:
        groups, results = sort_out(batch, datetime.now(UTC), self._width)
        await self._slots.count(groups)
        for result, number in results.items():
            metrics.count(metrics.HEALTH_EVENTS, number, result=result)


def sort_out(
    batch: Sequence[Incoming[Told]], now: datetime, width: timedelta
) -> tuple[dict[SlotKey, list[Counted]], Counter[str]]:
    """What counts, by its slot, and how many events were `counted`, came too `late`, or say `nothing` here."""
    groups: dict[SlotKey, list[Counted]] = {}
    results: Counter[str] = Counter()
    for incoming in batch:
        told = incoming.record
        counts = counts_of(told)
        if not counts:
            results["nothing"] += 1
        elif not is_in_time(told.occurred_at, now):
            results["late"] += 1
        else:
            results["counted"] += 1
            key = (incoming.raw.partition, start_of(told.occurred_at, width))
            groups.setdefault(key, []).append((told, counts))
    return groups, results
