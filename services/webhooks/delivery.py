"""One attempt at one job: look its endpoint up, render and sign, send, decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import structlog
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from services.webhooks.http import Poster
from services.webhooks.outcomes import Decision, JobState, Reply, RetrySchedule
from services.webhooks.rules import Job, shown_url
from services.webhooks.store.jobs import JobEnd
from services.webhooks.targets import Target, Targets
from shared.contracts.webhooks import WebhookAttempt
from shared.erasure import tells_of_erased
from shared.rendering import RenderedTooLargeError
from shared.secrets import UnsealError
from shared.telemetry import metrics
from shared.telemetry.tracing import Tracing, is_sampled, trace_headers, traceparent_of
from shared.tokens import uuid7

log = structlog.get_logger(__name__)
OURS = "secret"
"""The fault of a post that was not made because its endpoint's secrets do not open."""
OWN_TRACE_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a job, and what that says of its endpoint: it asks to be left alone for `hold` seconds; `failed`
    is False too where nothing was sent, or the fault was ours."""

    end: JobEnd
    ok: bool = False
    failed: bool = False
    hold: float = 0.0


class Delivery:
    """Turns a job into its end; whatever the endpoint does becomes a value."""

    def __init__(self, targets: Targets, poster: Poster, schedule: RetrySchedule, tracing: Tracing) -> None:
        self._targets = targets
        self._poster = poster
        self._schedule = schedule
        self._tracing = tracing
        self._rng = Random()

    async def deliver(self, job: Job) -> Posted:
        """Posts the job, unless its endpoint is gone or disabled by now."""
        now = datetime.now(UTC)
        try:
            target = await self._targets.get(job.endpoint_id)
        except UnsealError:
            log.error("endpoint's secrets do not open", endpoint=job.endpoint_id)
            return self._ended(job, "", Reply(None, 0.0, OURS), now, traceparent_of(self._span(job, now, "POST")))
        if target is None:
            return Posted(JobEnd(job, JobState.CANCELED, now))
        span = self._span(job, now, target.method)
        trace = traceparent_of(span)
        try:
            reply = await self._post(job, target, now, trace)
            _describe(span, reply)
        finally:
            span.end()
        return self._ended(job, target.url, reply, now, trace)

    async def _post(self, job: Job, target: Target, now: datetime, trace: str) -> Reply:
        try:
            request = target.request(job, now, trace_headers(trace))
        except RenderedTooLargeError:
            return Reply(None, 0.0, "template")
        return await self._poster.post(request)

    def _ended(self, job: Job, url: str, reply: Reply, at: datetime, trace: str) -> Posted:
        now = datetime.now(UTC)
        decision = self._schedule.decide(reply, job.attempt + 1 - job.earlier, now, self._rng)
        _count(reply, decision, trace)
        attempt = _attempt(job, url, reply, decision, at, trace)
        end = JobEnd(job, decision.state, now, decision.next_at, attempt, decision.disable)
        return Posted(end, reply.ok, not reply.ok and reply.error != OURS, decision.hold)

    def _span(self, job: Job, now: datetime, method: str) -> Span:
        """Under the event's trace; an attempt more than an hour after it gets a trace of its own, linked to it."""
        late = now - job.created_at > OWN_TRACE_AFTER and is_sampled(job.trace)
        return self._tracing.start(
            "webhook.deliver",
            None if late else job.trace,
            SpanKind.CLIENT,
            {
                "http.request.method": method,
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


def _attempt(job: Job, url: str, reply: Reply, decision: Decision, at: datetime, trace: str) -> WebhookAttempt:
    return WebhookAttempt.model_construct(
        v=1,
        attempt_id=uuid7(),
        message_id=job.message_id,
        workspace_id=job.workspace_id,
        event_id=job.event_id,
        event_type=job.event_type,
        endpoint_id=job.endpoint_id,
        address_hmac=job.address_hmac,
        url=shown_url(url),
        attempt=job.attempt + 1,
        status=reply.status,
        error=reply.fault,
        ms=round(reply.seconds * 1000),
        ok=reply.ok,
        next_at=decision.next_at,
        occurred_at=at,
        excerpt="" if tells_of_erased(job.body) else reply.excerpt,
        trace=trace,
    )
