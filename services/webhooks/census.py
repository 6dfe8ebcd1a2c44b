"""How many endpoints there are in each state, as a metric: none of them is ever a label."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from services.webhooks.store.troubles import Trouble, Troubles
from shared.contracts.entities import Kind
from shared.mongo.entities import Entities
from shared.telemetry import metrics

CENSUS_SECONDS = 30.0
STATES = ("well", "failing", "paused", "disabled")


class Census:
    """Counts; the same in every process."""

    def __init__(self, entities: Entities, troubles: Troubles) -> None:
        self._endpoints = entities.database[Kind.ENDPOINT]
        self._troubles = troubles

    async def take(self) -> None:
        """Sets WEBHOOK_ENDPOINTS."""
        living = {"deleted": {"$ne": True}}
        enabled = await self._endpoints.count_documents({"data.enabled": True, **living})
        disabled = await self._endpoints.count_documents({"data.enabled": False, **living})
        troubles, now = await self._troubles.all(), datetime.now(UTC)
        counts = Counter(state for trouble in troubles.values() if (state := trouble_of(trouble, now)))
        counts |= Counter({"disabled": disabled})
        counts["well"] = max(0, enabled - counts["failing"] - counts["paused"])
        for state in STATES:
            metrics.WEBHOOK_ENDPOINTS.labels(state).set(counts[state])


def trouble_of(trouble: Trouble, now: datetime) -> str | None:
    """What an endpoint's trouble comes to at this moment, None where it is over."""
    if trouble.held_until is not None and trouble.held_until > now:
        return "paused"
    return "failing" if trouble.failing is not None else None
