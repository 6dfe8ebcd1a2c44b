"""An endpoint's deliveries, attempts, replays and back-fills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from services.webhooks.outcomes import JobState
from services.webhooks.rules import Job, webhook_id
from services.webhooks.store.attempts import Attempts
from services.webhooks.store.jobs import JobEnd, Jobs
from shared.contracts.webhooks import WebhookAttempt
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.integration.isolation.asking import Values
from tests.integration.isolation.tenant import Tenant


class Calling(Protocol):
    """How a workspace asks the API."""

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any: ...

    async def cursor(self, path: str) -> str: ...


async def make_deliveries(api: Calling, deployment: Deployment, tenant: Tenant, values: Values) -> dict[str, str]:
    """Two deliveries that have failed, each with an attempt; two replays and two back-fills, of which one is running;
    and cursors behind the first of each."""
    jobs = [await _failed(deployment, tenant, values) for _ in range(2)]
    path = f"/v1/webhooks/{values['webhook']}"
    made = {"delivery": jobs[0].id}
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for name in ("replay", "backfill"):
        for _ in range(2):
            if name in made:
                await api.call("DELETE", f"{path}/{name}s/{made[name]}")
            made[name] = (await api.call("POST", f"{path}/{name}", {"since": since}))["id"]
    lists = {f"{name}_cursor": f"{path}/{name}" for name in ("deliveries", "attempts", "replays", "backfills")}
    lists["all_deliveries_cursor"] = "/v1/webhooks/deliveries"
    return made | {name: await api.cursor(where) for name, where in lists.items()}


async def _failed(deployment: Deployment, tenant: Tenant, values: Values) -> Job:
    database, now, event_id, endpoint_id = (
        deployment.database("webhooks"),
        datetime.now(UTC),
        uuid7(),
        values["webhook"],
    )
    job = Job(
        id=webhook_id(event_id, endpoint_id), workspace_id=tenant.workspace, endpoint_id=endpoint_id,
        message_id=values["message"], event_id=event_id, event_type="email.delivered",
        body=b'{"secret": "%s"}' % tenant.secret.encode(), created_at=now, due_at=now, token=uuid7(),
    )  # fmt: skip
    attempt = WebhookAttempt(
        attempt_id=uuid7(), message_id=job.message_id, workspace_id=job.workspace_id, event_id=event_id,
        event_type=job.event_type, endpoint_id=endpoint_id, url="http://127.0.0.1:1/", attempt=1, ms=1, ok=False,
        occurred_at=now, excerpt=tenant.secret,
    )  # fmt: skip
    end = JobEnd(job, JobState.EXHAUSTED, now, attempt=attempt)
    jobs = Jobs(database, 60)
    await jobs.insert([job], now + timedelta(minutes=1))
    await Attempts(database).keep([end])
    await jobs.finish([end])
    return job
