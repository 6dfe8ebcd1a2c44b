"""The span of an attempt, and what is counted of its outcome."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from opentelemetry.trace import Span, SpanKind

from services.sender.arrivals import Held
from services.sender.destinations.name import provider_of
from services.sender.smtp.outcomes import Ambiguous, Delivered, Outcome, Relayed
from shared.contracts.events import EventType
from shared.contracts.messages import Route
from shared.telemetry import metrics, names
from shared.telemetry.failures import trace_failure
from shared.telemetry.tracing import Tracing, fail, is_sampled

SPAN = "smtp.deliver"


def begin_span(tracing: Tracing, held: Held) -> Span | None:
    """None where the message's trace is not sampled."""
    if not is_sampled(held.trace):
        return None
    route = held.message.route
    assert route is not None
    return tracing.start(SPAN, held.trace, SpanKind.CLIENT, _attributes(held, route))


def begin_failed_span(tracing: Tracing, held: Held, type_: EventType) -> Span | None:
    """The span of an attempt that is over, of a message that was not sampled, with the spans of the stages before it;
    None where such an end is not traced."""
    route = held.message.route
    if type_ not in tracing.failures or route is None:
        return None
    took = 0.0 if held.began is None else time.monotonic() - held.began
    began_ns = time.time_ns() - round(took * 1e9)
    trace = trace_failure(tracing, held.message, type_, held.trace, began_ns)
    attributes = {**_attributes(held, route), names.MAIL_AFTERWARDS: True}
    return tracing.start(SPAN, trace, SpanKind.CLIENT, attributes, start_ns=began_ns) if is_sampled(trace) else None


def _attributes(held: Held, route: Route) -> dict[str, str | int]:
    return {
        names.MAIL_MESSAGE: held.id,
        names.MAIL_ATTEMPT: held.attempt + 1,
        names.MAIL_PASS: held.message.pass_,
        names.MAIL_TRANSPORT: route.transport,
        names.MAIL_ROLLUP: route.rollup,
    }


def end_span(span: Span | None, outcome: str, said: Outcome | None = None) -> None:
    """Ends it with the outcome in a word, and what is known of the peer."""
    if span is None:
        return
    span.set_attribute(names.MAIL_OUTCOME, outcome)
    if said is not None:
        for name, value in (
            (names.SERVER_ADDRESS, said.host),
            (names.NETWORK_PEER_ADDRESS, said.ip),
            (names.NETWORK_LOCAL_ADDRESS, said.source),
            (names.MAIL_SMTP_CODE, said.code),
            (names.MAIL_ENHANCED_CODE, said.enhanced),
            (names.MAIL_STAGE, said.stage and str(said.stage)),
            (names.TLS_PROTOCOL_NAME, said.tls_version and "tls"),
            (names.TLS_PROTOCOL_VERSION, said.tls_version and said.tls_version.removeprefix("TLSv")),
        ):
            if value is not None:
                span.set_attribute(name, value)
        if not isinstance(said, Delivered | Relayed):
            fail(span, str(said.class_ or outcome), outcome)
    elif outcome != "abandoned":
        fail(span, outcome)
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
