"""One attempt at one job: look its endpoint up, render and sign, send, decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import urlsplit

import structlog
from opentelemetry.trace import Span, SpanKind

from services.webhooks.http import Poster
from services.webhooks.outcomes import Decision, JobState, Reply, RetrySchedule
from services.webhooks.rules import Job, shown_url
from services.webhooks.store.jobs import JobEnd
from services.webhooks.targets import Target, Targets
from shared.contracts.webhooks import WebhookAttempt
from shared.erasure import tells_of_erased
from shared.rendering import RenderedTooLargeError
from shared.secrets import UnsealError
from shared.telemetry import metrics, names
from shared.telemetry.tracing import Tracing, fail, is_sampled, trace_headers, traceparent_of
from shared.tokens import uuid7

log = structlog.get_logger(__name__)
OURS = "secret"
"""The fault of a post that was not made because its endpoint's secrets do not open."""
DEFAULT_PORTS = {"http": 80, "https": 443}
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
            return self._ended(job, ("POST", ""), Reply(None, 0.0, OURS), now, job.trace)
        if target is None:
            return Posted(JobEnd(job, JobState.CANCELED, now))
        span = self._span(job, now, target)
        trace = traceparent_of(span)
        try:
            reply = await self._post(job, target, now, trace)
            _describe(span, reply)
        finally:
            span.end()
        return self._ended(job, (target.method, target.url), reply, now, trace)

    async def _post(self, job: Job, target: Target, now: datetime, trace: str) -> Reply:
        try:
            request = target.request(job, now, trace_headers(trace))
        except RenderedTooLargeError:
            return Reply(None, 0.0, "template")
        return await self._poster.post(request)

    def _ended(self, job: Job, sent: tuple[str, str], reply: Reply, at: datetime, trace: str | None) -> Posted:
        now = datetime.now(UTC)
        decision = self._schedule.decide(reply, job.attempt + 1 - job.earlier, now, self._rng)
        _count(reply, decision, trace)
        attempt = _attempt(job, sent, reply, decision, at, trace)
        end = JobEnd(job, decision.state, now, decision.next_at, attempt, decision.disable)
        return Posted(end, reply.ok, not reply.ok and reply.error != OURS, decision.hold)

    def _span(self, job: Job, now: datetime, target: Target) -> Span:
        """Under the event's trace; an attempt more than an hour after it gets a trace of its own, linked to it."""
        if job.trace and not is_sampled(job.trace):
            return self._tracing.start(target.method, job.trace, SpanKind.CLIENT)
        late = now - job.created_at > OWN_TRACE_AFTER
        place = urlsplit(target.url)
        port = place.port or DEFAULT_PORTS.get(place.scheme)
        attributes = {
            names.HTTP_METHOD: target.method,
            names.URL_SCHEME: place.scheme,
            names.SERVER_ADDRESS: place.hostname or "",
            **({names.SERVER_PORT: port} if port else {}),
            names.MAIL_MESSAGE: job.message_id,
            names.EVENT_TYPE: job.event_type,
            names.WEBHOOK_ENDPOINT: job.endpoint_id,
            names.WEBHOOK_ID: job.id,
            names.WEBHOOK_ATTEMPT: job.attempt + 1,
        }
        links = [job.trace] if late and job.trace else []
        return self._tracing.start(target.method, None if late else job.trace, SpanKind.CLIENT, attributes, links)


def _describe(span: Span, reply: Reply) -> None:
    if reply.status is not None:
        span.set_attribute(names.HTTP_STATUS, reply.status)
    if reply.fault is not None:
        fail(span, reply.error or str(reply.status))


def _count(reply: Reply, decision: Decision, trace: str | None) -> None:
    outcome = "succeeded" if reply.ok else "failed" if decision.state is JobState.WAITING else str(decision.state)
    metrics.WEBHOOK_ATTEMPTS.labels(outcome).inc()
    metrics.observe(metrics.WEBHOOK_SECONDS, reply.seconds, trace)


def _attempt(
    job: Job, sent: tuple[str, str], reply: Reply, decision: Decision, at: datetime, trace: str | None
) -> WebhookAttempt:
    """`sent` are the method and the URL."""
    method, url = sent
    return WebhookAttempt.model_construct(
        v=1,
        attempt_id=uuid7(),
        message_id=job.message_id,
        workspace_id=job.workspace_id,
        event_id=job.event_id,
        event_type=job.event_type,
        endpoint_id=job.endpoint_id,
        method=method,
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
