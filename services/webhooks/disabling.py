"""The end of an endpoint that asked for no more, or only failed; its workspace's other endpoints are told."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
import structlog

from services.webhooks.endpoints import Endpoints
from services.webhooks.event_types import DISABLED
from services.webhooks.rules import Job, Subscription, shown_url, webhook_id
from services.webhooks.store.jobs import Jobs
from services.webhooks.store.troubles import Disabling, Troubles
from shared.contracts.record import rfc3339
from shared.mongo.entities import Entity
from shared.telemetry import metrics

log = structlog.get_logger(__name__)
NAMESPACE = uuid.UUID("0b5f3f0e-8f1b-5f5c-8a44-7d1f0c3f9a52")
GONE, FAILING = "gone", "failing"


class Disabler:
    """Marks an end before it begins it: whoever sweeps completes what a process that died has left."""

    def __init__(self, endpoints: Endpoints, troubles: Troubles, jobs: Jobs) -> None:
        self._endpoints = endpoints
        self._troubles = troubles
        self._jobs = jobs
        for reason in (GONE, FAILING):  # there from its first one on, a rise could not be told
            metrics.WEBHOOK_DISABLED.labels(reason)

    async def disable(self, workspace_id: str, endpoint_id: str, reason: str, since: datetime | None = None) -> None:
        """Disables an endpoint and ends what waits for it; nothing where it is disabled already."""
        entity = await self._endpoints.get(workspace_id, endpoint_id)
        if entity is None or not entity.data["enabled"]:
            return
        disabling = Disabling(endpoint_id, entity.version, reason, datetime.now(UTC), since)
        if await self._troubles.begin_disabling(disabling):
            await self._complete(disabling)

    async def sweep(self) -> int:
        """Completes the ends that were interrupted; returns how many there were."""
        interrupted = await self._troubles.interrupted(datetime.now(UTC))
        for disabling in interrupted:
            await self._complete(disabling)
        return len(interrupted)

    async def _complete(self, disabling: Disabling) -> None:
        """Safe to repeat. Where the endpoint has changed meanwhile its owner has had a hand in it: nothing is done."""
        entity = await self._endpoints.disable(disabling.endpoint_id, disabling.version, disabling.reason)
        if entity is None:
            await self._troubles.abandon_disabling(disabling)
            return
        metrics.WEBHOOK_DISABLED.labels(disabling.reason).inc()
        log.warning("endpoint disabled", endpoint=entity.id, reason=disabling.reason)
        told = await self._endpoints.subscriptions({entity.workspace_id or ""})
        jobs = disabled_jobs(disabling, entity, told.get(entity.workspace_id, ()))
        if jobs:
            await self._jobs.insert(jobs, disabling.at)
        await self._troubles.end_disabling(disabling)


def disabled_jobs(disabling: Disabling, entity: Entity, subscriptions: Sequence[Subscription]) -> list[Job]:
    """The jobs that tell the other endpoints of a workspace, the same each time."""
    event_id = str(uuid.uuid5(NAMESPACE, f"{disabling.endpoint_id}:{disabling.version}"))
    body = _body(disabling, entity)
    return [
        Job(
            id=webhook_id(event_id, each.endpoint_id),
            workspace_id=entity.workspace_id or "",
            endpoint_id=each.endpoint_id,
            message_id="",
            event_id=event_id,
            event_type=DISABLED,
            body=body,
            created_at=disabling.at,
            due_at=disabling.at,
        )
        for each in subscriptions
        if each.endpoint_id != entity.id and each.wants(DISABLED, disabling.at)
    ]


def _body(disabling: Disabling, entity: Entity) -> bytes:
    data = {
        "endpoint_id": entity.id,
        "name": entity.data.get("name", ""),
        "url": shown_url(entity.data["url"]),
        "reason": disabling.reason,
        "failing_since": disabling.failing_since and rfc3339(disabling.failing_since),
    }
    return orjson.dumps({"type": DISABLED, "timestamp": rfc3339(disabling.at), "data": data})
