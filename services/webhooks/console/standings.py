"""Reads how endpoints do: their troubles, newest attempts, and what waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.webhooks.console.standing import Recent, Standing, is_in_trouble, recent_of, standing_of
from services.webhooks.settings import Settings
from services.webhooks.store.stores import Stores
from services.webhooks.store.troubles import Trouble

View = Mapping[str, Any]
NEWEST = 100
MOST_COUNTED, MOST_COUNTED_OF_MANY = 10_000, 1_000
OF_LATE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many deliveries wait, when the oldest of them was made, and how many of the last day's were given up or
    canceled. Neither was counted beyond `most`."""

    waiting: int
    oldest: datetime | None
    lost: int
    most: int = MOST_COUNTED


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint, as the API shows it, and how it does."""

    endpoint: View
    standing: Standing
    recent: Recent
    backlog: Backlog


class Standings:
    """What is read of a workspace's endpoints, beyond what the API shows."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._stores = stores
        self._patience = timedelta(days=settings.webhook_failing_days)

    async def of(self, workspace_id: str, views: Sequence[View], most: int = MOST_COUNTED) -> list[Row]:
        """How endpoints do, in their order; what waits for each is counted up to `most`."""
        troubles = await self._stores.troubles.of([view["id"] for view in views])
        rows = (self._row(workspace_id, view, troubles.get(view["id"]), most) for view in views)
        return list(await asyncio.gather(*rows))

    async def troubled(self, workspace_id: str, views: Sequence[View]) -> list[Row]:
        """How those do that are disabled, or that every process knows to be in trouble; the others cost nothing."""
        troubles = await self._stores.troubles.of([view["id"] for view in views])
        now = datetime.now(UTC)
        known = {id_ for id_, trouble in troubles.items() if is_in_trouble(trouble, now)}
        some = [view for view in views if not view["enabled"] or view["id"] in known]
        return await self.of(workspace_id, some, MOST_COUNTED_OF_MANY)

    async def backlog(self, workspace_id: str, endpoint_id: str | None = None, most: int = MOST_COUNTED) -> Backlog:
        """What waits for one endpoint, or for all of a workspace."""
        since, deliveries = datetime.now(UTC) - OF_LATE, self._stores.deliveries
        (waiting, oldest), lost = await asyncio.gather(
            deliveries.waiting(workspace_id, endpoint_id, most),
            deliveries.lost(workspace_id, endpoint_id, since, most),
        )
        return Backlog(waiting, oldest, lost, most)

    async def _row(self, workspace_id: str, view: View, trouble: Trouble | None, most: int) -> Row:
        attempts, backlog = await asyncio.gather(
            self._stores.attempts.newest(workspace_id, view["id"], NEWEST),
            self.backlog(workspace_id, view["id"], most),
        )
        recent = recent_of(attempts)
        return Row(view, standing_of(view, trouble, recent, self._patience, datetime.now(UTC)), recent, backlog)
