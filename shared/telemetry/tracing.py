"""Traces: W3C trace context (traceparent) from the request through Kafka, SMTP and the webhook, exported by OTLP."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from random import getrandbits, random
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)

from shared.settings import SharedSettings
from shared.telemetry import names
from shared.telemetry.resource import elsewhere, resource_of

TRACEPARENT = "traceparent"
SCOPE = "posthorn"
MOST_KEPT = 10_000
UNSAMPLED, TO_SAMPLE = TraceFlags(TraceFlags.DEFAULT), TraceFlags(TraceFlags.SAMPLED)
SAMPLED = frozenset("13579bdf")


def parse_traceparent(value: str | None) -> SpanContext | None:
    """The context that a traceparent names (W3C Trace Context section 3.2), None where it is not a valid one."""
    if not value or len(value) < 55 or value[:2] == "ff" or (value[:2] == "00" and len(value) != 55):
        return None
    parts = value.split("-")
    if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2] or value != value.lower():
        return None
    try:
        trace_id, span_id, flags = (int(part, 16) for part in parts[1:4])
        int(parts[0], 16)
    except ValueError:
        return None
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & 1))
    return context if context.is_valid else None


def is_sampled(traceparent: str | None) -> bool:
    """Cheap enough for every record: the lowest bit of the flags. Others may be set beside it, such as the one of a
    random trace id, which the SDK sets (W3C Trace Context Level 2 section 3.2.2.5)."""
    return traceparent is not None and len(traceparent) >= 55 and traceparent[54] in SAMPLED


def trace_id_of(traceparent: str | None) -> str | None:
    return traceparent.split("-")[1] if traceparent and len(traceparent) >= 55 else None


def exemplar_of(traceparent: str | None) -> dict[str, str] | None:
    trace_id = trace_id_of(traceparent) if is_sampled(traceparent) else None
    return {"trace_id": trace_id} if trace_id else None


def sampled(traceparent: str) -> str:
    """The same with the sampled flag set: whoever goes on from it records."""
    return f"{traceparent[:53]}{int(traceparent[53:55], 16) | 1:02x}"


def traceparent_of(span: Span) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


class Tracing:
    """One process's tracer. A process may run several services: each span names the service that made it.

    `failures` are the event types that are recorded from then on where their message was not sampled; none where
    nothing is exported. `kept` are the ids of unsampled spans of which it was found later that they are to be recorded.
    """

    def __init__(self, settings: SharedSettings, service: str) -> None:
        self._ratio = settings.trace_ratio
        self.failures = settings.failures_traced if settings.otlp_endpoint else frozenset()
        self.critical = settings.trace_critical and settings.otlp_endpoint is not None
        self._kept: set[int] = set()
        self._processors: list[SpanProcessor] = []
        self._resource = resource_of(service)
        # `start` draws, so that an unsampled message costs no span
        self.provider = TracerProvider(resource=self._resource, sampler=ParentBased(ALWAYS_ON))
        if settings.otlp_endpoint:
            exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
            self.export_by(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        self._tracer: Tracer = self.provider.get_tracer(SCOPE)

    def export_by(self, processor: SpanProcessor) -> None:
        """Has a processor take every span that ends."""
        self._processors.append(processor)
        self.provider.add_span_processor(processor)

    def start(
        self,
        name: str,
        parent: str | None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[str] = (),
        start_ns: int | None = None,
    ) -> Span:
        """A span under the given traceparent, or a new trace where there is none; an unsampled one costs nothing.

        A new trace is sampled by the dice, and for certain where it is linked to a sampled one.
        """
        context = parse_traceparent(parent)
        if context is not None and not context.trace_flags.sampled:
            if kind is SpanKind.SERVER:  # what begins here has an id of its own, under which it may be recorded later
                context = SpanContext(context.trace_id, getrandbits(64), False, UNSAMPLED)
            return NonRecordingSpan(context)
        if context is None and not (any(map(is_sampled, links)) or self._draw()):
            return NonRecordingSpan(SpanContext(getrandbits(128), getrandbits(64), False, UNSAMPLED))
        parent_context = trace.set_span_in_context(NonRecordingSpan(context) if context else INVALID_SPAN)
        return self._tracer.start_span(
            name,
            parent_context,
            kind,
            attributes,
            [Link(linked) for linked in map(parse_traceparent, links) if linked],
            start_time=start_ns,
        )

    def keep(self, traceparent: str | None) -> str | None:
        """The traceparent of an unsampled span that is under way here, from now on sampled: whoever began it
        records it at its end."""
        context = parse_traceparent(traceparent)
        if traceparent is None or context is None or context.trace_flags.sampled:
            return traceparent
        if len(self._kept) >= MOST_KEPT:  # of spans that were begun elsewhere nobody asks
            self._kept.clear()
        self._kept.add(context.span_id)
        return sampled(traceparent)

    def wants(self, span: Span, *, failed: bool) -> bool:
        """Whether anything is to be recorded of a server's span at its end."""
        if span.is_recording():
            return True
        return (failed and bool(self.failures)) or (bool(self._kept) and _id(span) in self._kept)

    def end_server_span(
        self, span: Span, name: str, seconds: float, attributes: Mapping[str, Any], error: str | None = None
    ) -> None:
        """Ends a server's span that took so many seconds; an unsampled one is recorded now."""
        if span.is_recording():
            span.set_attributes(attributes)
            if error:
                fail(span, error)
            span.end()
            return
        self._kept.discard(_id(span))
        now = time.time_ns()
        self.record(
            name,
            span.get_span_context(),
            now - round(seconds * 1e9),
            now,
            kind=SpanKind.SERVER,
            attributes=attributes,
            error=error,
        )

    def record(
        self,
        name: str,
        context: SpanContext,
        start_ns: int,
        end_ns: int,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: SpanContext | None = None,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[str] = (),
        error: str | None = None,
        service: str | None = None,
    ) -> None:
        """Exports a span that has ended under the ids that it has had all along; times in ns since 1970.

        `service` is who did what it tells of, where that is another one.
        """
        span = ReadableSpan(
            name,
            SpanContext(context.trace_id, context.span_id, is_remote=False, trace_flags=TO_SAMPLE),
            parent,
            elsewhere(service) if service else self._resource,
            {**(attributes or {}), names.MAIL_AFTERWARDS: True, **({names.ERROR_TYPE: error} if error else {})},
            links=[Link(linked) for linked in map(parse_traceparent, links) if linked],
            kind=kind,
            status=Status(StatusCode.ERROR) if error else Status(),
            start_time=start_ns,
            end_time=max(start_ns, end_ns),
            instrumentation_scope=InstrumentationScope(SCOPE),
        )
        for processor in self._processors:
            processor.on_end(span)

    def _draw(self) -> bool:
        return self._ratio >= 1 or random() < self._ratio

    def shutdown(self) -> None:
        """Exports what is left and stops the exporter's thread."""
        self.provider.shutdown()


def _id(span: Span) -> int:
    return span.get_span_context().span_id


def fail(span: Span, error: str, words: str | None = None) -> None:
    """Marks a span as failed: `error` is one of few words that faults are counted by, never a text with an address."""
    span.set_attribute(names.ERROR_TYPE, error)
    span.set_status(Status(StatusCode.ERROR, words))


def trace_headers(traceparent: str | None) -> dict[str, str]:
    """The Kafka or HTTP headers that hand a trace on."""
    return {TRACEPARENT: traceparent} if traceparent else {}
