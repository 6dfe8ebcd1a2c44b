"""One post of one job: look the endpoint up, sign, post, decide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import structlog
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from services.webhooks.endpoints import Endpoints
from services.webhooks.http import Poster
from services.webhooks.outcomes import Decision, JobState, Reply, RetrySchedule
from services.webhooks.rules import Job, shown_url
from services.webhooks.signing import signed_headers
from services.webhooks.store.jobs import JobEnd
from shared.contracts.entities import Endpoint
from shared.contracts.webhooks import WebhookAttempt
from shared.secrets import UnsealError
from shared.telemetry import metrics
from shared.telemetry.tracing import Tracing, is_sampled, trace_headers, traceparent_of
from shared.tokens import uuid7

log = structlog.get_logger(__name__)
OWN_TRACE_AFTER = timedelta(hours=1)


class Delivery:
    """Turns a job into its end; whatever the endpoint does becomes a value."""

    def __init__(self, endpoints: Endpoints, poster: Poster, schedule: RetrySchedule, tracing: Tracing) -> None:
        self._endpoints = endpoints
        self._poster = poster
        self._schedule = schedule
        self._tracing = tracing
        self._rng = Random()

    async def deliver(self, job: Job) -> JobEnd:
        """Posts the job, unless its endpoint is gone or disabled by now."""
        now = datetime.now(UTC)
        endpoint = await self._endpoints.enabled(job.endpoint_id)
        if endpoint is None:
            return JobEnd(job, JobState.CANCELED, now)
        span = self._span(job, now)
        trace = traceparent_of(span)
        try:
            reply = await self._post(job, endpoint, now, trace)
            _describe(span, reply)
        finally:
            span.end()
        decision = self._schedule.decide(reply, job.attempt + 1 - job.earlier, datetime.now(UTC), self._rng)
        _count(reply, decision, trace)
        attempt = _attempt(job, endpoint, reply, decision, now, trace)
        return JobEnd(job, decision.state, datetime.now(UTC), decision.next_at, attempt, decision.disable)

    async def _post(self, job: Job, endpoint: Endpoint, now: datetime, trace: str) -> Reply:
        try:
            secret = self._endpoints.secret(job.endpoint_id, endpoint)
        except UnsealError:
            log.error("endpoint's secret does not open", endpoint=job.endpoint_id)
            return Reply(None, 0.0, "secret")
        headers = signed_headers(secret, job.id, int(now.timestamp()), job.body)
        return await self._poster.post(endpoint.url, job.body, headers | trace_headers(trace))

    async def retire(self, job: Job) -> None:
        """Disables the endpoint of a job that was answered with 410."""
        await self._endpoints.disable(job.endpoint_id, "gone")

    def _span(self, job: Job, now: datetime) -> Span:
        """Under the event's trace; an attempt more than an hour after it gets a trace of its own, linked to it."""
        late = now - job.created_at > OWN_TRACE_AFTER and is_sampled(job.trace)
        return self._tracing.start(
            "webhook.deliver",
            None if late else job.trace,
            SpanKind.CLIENT,
            {
                "http.request.method": "POST",
                "messaging.message.id": job.message_id,
                "posthorn.endpoint.id": job.endpoint_id,
                "posthorn.webhook.id": job.id,
                "posthorn.webhook.attempt": job.attempt + 1,
            },
            [job.trace] if late and job.trace else None,
        )


def _describe(span: Span, reply: Reply) -> None:
    if reply.status is not None:
        span.set_attribute("http.response.status_code", reply.status)
    if reply.fault is not None:
        span.set_attribute("error.type", reply.fault)
        span.set_status(Status(StatusCode.ERROR))


def _count(reply: Reply, decision: Decision, trace: str) -> None:
    outcome = "succeeded" if reply.ok else "failed" if decision.state is JobState.WAITING else str(decision.state)
    metrics.WEBHOOK_ATTEMPTS.labels(outcome).inc()
    metrics.observe(metrics.WEBHOOK_SECONDS, reply.seconds, trace)


def _attempt(
    job: Job, endpoint: Endpoint, reply: Reply, decision: Decision, at: datetime, trace: str
) -> WebhookAttempt:
    return WebhookAttempt.model_construct(
        v=1,
        attempt_id=uuid7(),
        message_id=job.message_id,
        workspace_id=job.workspace_id,
        event_id=job.event_id,
        event_type=job.event_type,
        endpoint_id=job.endpoint_id,
        url=shown_url(endpoint.url),
        attempt=job.attempt + 1,
        status=reply.status,
        error=reply.fault,
        ms=round(reply.seconds * 1000),
        ok=reply.ok,
        next_at=decision.next_at,
        occurred_at=at,
        excerpt=reply.excerpt,
        trace=trace,
    )
