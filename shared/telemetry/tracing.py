"""Traces: W3C trace context (traceparent) from the request through Kafka, SMTP and the webhook, exported by OTLP."""

from __future__ import annotations

from collections.abc import Mapping
from random import getrandbits, random
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
)

from shared.settings import SharedSettings

TRACEPARENT = "traceparent"
UNSAMPLED = TraceFlags(TraceFlags.DEFAULT)
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


def traceparent_of(span: Span) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


class Tracing:
    """One process's tracer. A process may run several services: each span names the service that made it."""

    def __init__(self, settings: SharedSettings, service: str) -> None:
        self._ratio = settings.trace_ratio
        self.provider = TracerProvider(
            resource=Resource.create({"service.name": f"posthorn-{service}", "service.namespace": "posthorn"}),
            sampler=ParentBased(ALWAYS_ON),  # `start` draws, so that an unsampled message costs no span
        )
        if settings.otlp_endpoint:
            exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
            self.provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        self._tracer: Tracer = self.provider.get_tracer("posthorn")

    def start(
        self,
        name: str,
        parent: str | None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: list[str] | None = None,
        start_ns: int | None = None,
    ) -> Span:
        """A span under the given traceparent, or a new trace where there is none; an unsampled one costs nothing."""
        context = parse_traceparent(parent)
        if context is not None and not context.trace_flags.sampled:
            return NonRecordingSpan(context)
        if context is None and not self._draw():
            return NonRecordingSpan(SpanContext(getrandbits(128), getrandbits(64), False, UNSAMPLED))
        parent_context = trace.set_span_in_context(NonRecordingSpan(context) if context else INVALID_SPAN)
        return self._tracer.start_span(
            name,
            parent_context,
            kind,
            attributes,
            [Link(linked) for linked in map(parse_traceparent, links or []) if linked],
            start_time=start_ns,
        )

    def _draw(self) -> bool:
        return self._ratio >= 1 or random() < self._ratio

    def shutdown(self) -> None:
        """Exports what is left and stops the exporter's thread."""
        self.provider.shutdown()


def trace_headers(traceparent: str | None) -> dict[str, str]:
    """The Kafka or HTTP headers that hand a trace on."""
    return {TRACEPARENT: traceparent} if traceparent else {}
