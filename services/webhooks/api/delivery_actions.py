"""What is read of deliveries and done with them, whoever asks: a caller of the API or a visitor of the console."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from services.webhooks.api.pages import Pages
from services.webhooks.delivery_schemas import EndpointListing
from services.webhooks.outcomes import JobState
from services.webhooks.store.attempts import Attempts
from services.webhooks.store.deliveries import Deliveries, Wanted
from services.webhooks.store.jobs import Jobs
from services.webhooks.testing import new_test
from services.webhooks.views import delivery_detail, delivery_view
from shared.errors import ProblemError, not_found
from shared.mongo.entities import Entity

SHOWN_ATTEMPTS = 100
LOOK_SECONDS = 0.1


class DeliveryActions:
    """Raises problems: 404 for what is not there, 409 where the state does not allow what is asked."""

    def __init__(self, jobs: Jobs, deliveries: Deliveries, attempts: Attempts, pages: Pages) -> None:
        self._jobs = jobs
        self._deliveries = deliveries
        self._attempts = attempts
        self._pages = pages

    async def page(self, workspace_id: str, endpoint_id: str | None, listing: EndpointListing) -> dict[str, Any]:
        """The deliveries that are asked for, newest first."""
        wanted = Wanted(
            workspace_id, endpoint_id, listing.state, listing.event, listing.message, listing.since, listing.until
        )
        query = f"deliveries:{wanted}"
        place = self._pages.position(listing.cursor, query)
        before = (datetime.fromisoformat(place[0]), str(place[1])) if place else None
        found = await self._deliveries.page(wanted, before, listing.limit + 1)
        now = datetime.now(UTC)
        rows = [delivery_view(job, now) for job in found]
        return self._pages.page(rows, listing.limit, query, lambda row: [row["created_at"], row["id"]])

    async def detail(self, endpoint: Entity, id_: str) -> dict[str, Any]:
        """A delivery with its payload and attempts."""
        workspace_id = endpoint.workspace_id or ""
        job = await self._deliveries.get(workspace_id, endpoint.id, id_)
        if job is None:
            raise not_found("delivery")
        attempts = await self._attempts.of_delivery(workspace_id, id_, SHOWN_ATTEMPTS)
        return delivery_detail(job, attempts, endpoint.data, datetime.now(UTC))

    async def retry(self, endpoint: Entity, id_: str) -> dict[str, Any]:
        """Makes a delivery due now, and shows it."""
        await self.detail(endpoint, id_)
        require_enabled(endpoint)
        retried = await self._deliveries.retry(endpoint.workspace_id or "", endpoint.id, id_)
        shown = await self.detail(endpoint, id_)
        if not retried:
            raise _not_retried(shown["state"])
        return shown

    async def test(self, endpoint: Entity, wait: float) -> dict[str, Any]:
        """Posts a test, and shows it after its first attempt, or after `wait` seconds."""
        require_enabled(endpoint)
        now = datetime.now(UTC)
        job = new_test(endpoint.workspace_id or "", endpoint.id, now)
        await self._jobs.insert([job], now)
        until = time.monotonic() + wait
        shown = await self.detail(endpoint, job.id)
        while not shown["attempt_count"] and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
            shown = await self.detail(endpoint, job.id)
        return shown


def require_enabled(endpoint: Entity) -> None:
    """Raises a 409 problem where nothing is posted to an endpoint."""
    if not endpoint.data["enabled"]:
        raise ProblemError(409, "endpoint_disabled", "The endpoint is disabled: enable it first.")


def _not_retried(state: str) -> ProblemError:
    if state == JobState.SUCCEEDED:
        return ProblemError(409, "succeeded", "The delivery has succeeded: a replay posts it again.")
    return ProblemError(409, "processing", "The delivery is being posted now: its outcome comes first.")
