"""The spans that arrived by OTLP, by trace, in memory and bounded."""

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")


class TraceStore:
    """Spans as JSON values; when there are more than `keep`, the traces that came first are forgotten."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._held = 0
        self._traces: dict[str, dict[str, dict[str, Any]]] = {}

    def add(self, exported: ExportTraceServiceRequest) -> None:
        """Take the spans of one export; a span that comes again replaces itself."""
        for resource in exported.resource_spans:
            service = _attributes(resource.resource.attributes).get("service.name", "")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self._put(span, service)
        while self._held > self._keep and len(self._traces) > 1:
            self._held -= len(self._traces.pop(next(iter(self._traces))))

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans of a trace (32 hex digits) by their start; [] if it is not known."""
        found = self._traces.get(trace_id.lower(), {})
        return sorted(found.values(), key=lambda span: int(span["start_ns"]))

    def trace_ids(self) -> list[str]:
        """The traces kept, the latest last."""
        return list(self._traces)

    def clear(self) -> None:
        self._traces.clear()
        self._held = 0

    def _put(self, span: Span, service: Any) -> None:
        of_trace = self._traces.setdefault(span.trace_id.hex(), {})
        self._held += span.span_id.hex() not in of_trace
        of_trace[span.span_id.hex()] = {
            "trace_id": span.trace_id.hex(),
            "span_id": span.span_id.hex(),
            "parent_span_id": span.parent_span_id.hex() or None,
            "name": span.name,
            "kind": KINDS[span.kind],
            "service": service,
            "attributes": _attributes(span.attributes),
            "events": [{"name": each.name, "attributes": _attributes(each.attributes)} for each in span.events],
            "links": [{"trace_id": each.trace_id.hex(), "span_id": each.span_id.hex()} for each in span.links],
            "status": STATUSES[span.status.code],
            "start_ns": span.start_time_unix_nano,
            "end_ns": span.end_time_unix_nano,
        }


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(each) for each in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case "bytes_value":
            return value.bytes_value.hex()
        case None:
            return None
        case name:
            return getattr(value, name)
