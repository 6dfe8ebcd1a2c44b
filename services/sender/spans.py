"""The span of an attempt, and what is counted of its outcome."""

from __future__ import annotations

from datetime import UTC, datetime

from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from services.sender.arrivals import Held
from services.sender.destinations.name import provider_of
from services.sender.smtp.outcomes import Ambiguous, Delivered, Outcome, Relayed
from shared.telemetry import metrics
from shared.telemetry.tracing import Tracing, is_sampled


def begin_span(tracing: Tracing, held: Held) -> Span | None:
    """None where the message's trace is not sampled."""
    if not is_sampled(held.trace):
        return None
    route = held.message.route
    assert route is not None
    attributes = {
        "mail.message_id": held.id,
        "mail.attempt": held.attempt + 1,
        "mail.pass": held.message.pass_,
        "mail.transport": route.transport,
        "mail.rollup": route.rollup,
    }
    return tracing.start("smtp.deliver", held.trace, SpanKind.CLIENT, attributes)


def end_span(span: Span | None, outcome: str, said: Outcome | None = None) -> None:
    """Ends it with the outcome in a word, and what is known of the peer."""
    if span is None:
        return
    span.set_attribute("mail.outcome", outcome)
    if said is not None:
        for name, value in (
            ("server.address", said.host),
            ("network.peer.address", said.ip),
            ("network.local.address", said.source),
            ("mail.smtp.code", said.code),
            ("mail.enhanced_code", said.enhanced),
            ("mail.stage", said.stage and str(said.stage)),
            ("tls.protocol.version", said.tls_version),
        ):
            if value is not None:
                span.set_attribute(name, value)
        if not isinstance(said, Delivered | Relayed):
            span.set_status(Status(StatusCode.ERROR, outcome))
    span.end()


def count_first(held: Held, trace: str | None) -> None:
    """Measures what comes before a message's first attempt, when that is about to begin."""
    if held.attempt == 0 and held.message.last is None:
        seconds = (datetime.now(UTC) - held.message.due_at).total_seconds()
        metrics.observe(metrics.FIRST_ATTEMPT, seconds, trace, held.id, lane=held.message.lane.value)


def count_outcome(held: Held, outcome: Outcome, trace: str | None) -> None:
    """Counts an outcome; `trace` is the traceparent that its exemplar points to."""
    route = held.message.route
    rollup = provider_of(route.rollup) if route else "none"
    labels = {"outcome": str(outcome.type), "class": str(outcome.class_ or "none"), "rollup": rollup}
    metrics.count(metrics.OUTCOMES, 1, **labels)
    if isinstance(outcome, Ambiguous):
        metrics.AMBIGUOUS.labels(rollup).inc()
    if isinstance(outcome, Delivered | Relayed):
        seconds = (datetime.now(UTC) - held.message.due_at).total_seconds()
        metrics.observe(metrics.END_TO_END, seconds, trace, held.id, lane=str(held.message.lane))
    for phase, ms in outcome.timings:
        metrics.observe(metrics.SMTP_PHASE, ms / 1000, phase=phase)
