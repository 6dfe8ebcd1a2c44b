"""What is recorded of a message that fails and was not sampled: all that is known of its way, after the fact.

Nobody keeps the spans of what was not sampled. But a record says when each stage had it, and what it decided: out of
these come spans with their true times, under the trace id that the message has had all along. From the failure on the
sampled flag travels with it, so that everything after is recorded as it happens.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from shared.contracts.events import EventType
from shared.contracts.messages import Message
from shared.telemetry import names
from shared.telemetry.tracing import Tracing, is_sampled, parse_traceparent, sampled, trace_id_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PastStage:
    """What one service had a message for, from when till when."""

    name: str
    service: str
    began: datetime
    ended: datetime
    attributes: dict[str, Any] = field(default_factory=dict)


def trace_failure(
    tracing: Tracing, message: Message, type_: EventType, trace: str | None, until_ns: int | None = None
) -> str | None:
    """The traceparent under which a failing message goes on: `trace`, sampled from now on where the failure is one of
    those that are traced. `until_ns` is when its wait for the sender ended, now where it is not given."""
    if type_ not in tracing.failures or trace is None or is_sampled(trace):
        return trace
    begun = parse_traceparent(trace)
    if begun is None:
        return trace
    root = SpanContext(begun.trace_id, begun.span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    _record_root(tracing, message, root, trace)
    until = EPOCH + timedelta(microseconds=(until_ns or time.time_ns()) // 1000)
    for stage in past_stages(message, until):
        tracing.record(
            f"stage {stage.name}",
            SpanContext(root.trace_id, _id_of(message, root.trace_id, stage.name), is_remote=False),
            _ns(stage.began),
            _ns(stage.ended),
            parent=root,
            attributes={**_identity(message), **stage.attributes},
            service=stage.service,
        )
    return sampled(trace)


def past_stages(message: Message, until: datetime) -> Iterator[PastStage]:
    """The stages of the present pass that the message says it has been through, one after the other; pure."""
    seen, route, verdict = message.seen, message.route, message.verdict
    at = seen.released or message.due_at
    if seen.released is None and seen.published is not None:
        yield PastStage("published", "ingest", at, seen.published)
        at = seen.published
    if seen.routed is not None:
        told = {names.MAIL_TRANSPORT: route.transport, names.MAIL_RULE: route.rule} if route else {}
        yield PastStage("routed", "router", at, seen.routed, told)
        at = seen.routed
    if seen.checked is not None:
        told = {names.MAIL_VERDICT: str(verdict.kind)} if verdict else {}
        yield PastStage("checked", "suppression", at, seen.checked, told)
        at = seen.checked
    if seen.routed is not None:
        yield PastStage("sender", "sender", at, until)


def _record_root(tracing: Tracing, message: Message, root: SpanContext, trace: str) -> None:
    """The span that the message's traceparent names: its acceptance, or the beginning of a late retry's own trace."""
    if message.trace is None or trace_id_of(message.trace) == trace_id_of(trace):
        name, service, at, links = "accept", "ingest", message.accepted_at, []
    else:
        name, service, at, links = "retry", "sender", message.seen.released or message.accepted_at, [message.trace]
    kind = SpanKind.SERVER if name == "accept" else SpanKind.PRODUCER
    when = _ns(at)
    tracing.record(
        name, root, when, when, kind=kind, links=links, service=service, attributes={names.MAIL_PASS: message.pass_}
    )


def _identity(message: Message) -> dict[str, Any]:
    return {names.MAIL_MESSAGE: message.message_id, names.MAIL_PASS: message.pass_}


def _id_of(message: Message, trace_id: int, stage: str) -> int:
    """The same each time, so that a stage that is told of twice is one span."""
    text = f"{trace_id:032x}:{message.message_id}:{message.pass_}:{stage}"
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") or 1


def _ns(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1) * 1000
