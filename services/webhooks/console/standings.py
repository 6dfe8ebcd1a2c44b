"""Reads how endpoints do: their troubles, newest attempts, and what waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.webhooks.console.standing import Recent, Standing, recent_of, standing_of
from services.webhooks.settings import Settings
from services.webhooks.store.stores import Stores
from services.webhooks.store.troubles import Trouble

View = Mapping[str, Any]
NEWEST = 100
MOST_COUNTED = 10_000
OF_LATE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many deliveries wait, when the oldest of them was made, and how many of the last day's were given up or
    canceled; numbers of `MOST_COUNTED` are more."""

    waiting: int
    oldest: datetime | None
    lost: int


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint, as the API shows it, and how it does."""

    endpoint: View
    standing: Standing
    recent: Recent
    backlog: Backlog


class Standings:
    """One process's view of a workspace's endpoints."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._stores = stores
        self._patience = timedelta(days=settings.webhook_failing_days)

    async def of(self, workspace_id: str, views: Sequence[View]) -> list[Row]:
        """How endpoints do, in their order."""
        troubles = await self._stores.troubles.of([view["id"] for view in views])
        return list(await asyncio.gather(*(self._row(workspace_id, view, troubles.get(view["id"])) for view in views)))

    async def backlog(self, workspace_id: str, endpoint_id: str | None = None) -> Backlog:
        """What waits for one endpoint, or for all of a workspace."""
        since = datetime.now(UTC) - OF_LATE
        deliveries = self._stores.deliveries
        (waiting, oldest), lost = await asyncio.gather(
            deliveries.waiting(workspace_id, endpoint_id, MOST_COUNTED),
            deliveries.lost(workspace_id, endpoint_id, since, MOST_COUNTED),
        )
        return Backlog(waiting, oldest, lost)

    async def _row(self, workspace_id: str, view: View, trouble: Trouble | None) -> Row:
        attempts, backlog = await asyncio.gather(
            self._stores.attempts.newest(workspace_id, view["id"], NEWEST), self.backlog(workspace_id, view["id"])
        )
        recent = recent_of(attempts)
        return Row(view, standing_of(view, trouble, recent, self._patience, datetime.now(UTC)), recent, backlog)
