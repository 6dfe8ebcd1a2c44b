"""What posts tell of their endpoints, and what follows: left alone for a while, or disabled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog

from services.webhooks.delivery import Posted
from services.webhooks.disabling import FAILING, GONE, Disabler
from services.webhooks.health import EndpointHealth, News
from services.webhooks.rules import Job
from shared.telemetry import metrics

log = structlog.get_logger(__name__)


class Watch:
    """What it cannot write is told again by the next post."""

    def __init__(self, health: EndpointHealth, disabler: Disabler) -> None:
        self._health = health
        self._disabler = disabler

    async def news(self) -> News:
        """What is to be known of endpoints, as all processes know it."""
        return await self._health.refresh()

    async def told(self, job: Job, posted: Posted) -> None:
        """A post has been recorded."""
        try:
            await self._act(job, posted)
        except Exception as error:
            metrics.LOOP_FAILURES.labels("webhooks.watch").inc()
            log.warning("endpoint's state not recorded", endpoint=job.endpoint_id, error=type(error).__name__)

    async def _act(self, job: Job, posted: Posted) -> None:
        now = datetime.now(UTC)
        if posted.ok:
            await self._health.succeeded(job.endpoint_id)
        elif posted.end.gone:
            await self._disabler.disable(job.workspace_id, job.endpoint_id, GONE)
        elif posted.failed:
            if posted.hold:
                metrics.WEBHOOK_PAUSES.inc()
                await self._health.hold(job.endpoint_id, now + timedelta(seconds=posted.hold))
            since = await self._health.failed(job.endpoint_id, now)
            if since is not None:
                await self._disabler.disable(job.workspace_id, job.endpoint_id, FAILING, since)
