"""The spans of records: `send` where one is published, `process` where it is handled (messaging conventions).

Both are of single records. That of a batch would have as many parents as records, and a mail's life is to read as one
trace: so the context in which a record was made is the parent of its `process` span, and linked from it as well.
"""

from __future__ import annotations

import asyncio

from aiokafka import ConsumerRecord
from aiokafka.structs import RecordMetadata
from opentelemetry.trace import Span, SpanKind

from shared.telemetry import names
from shared.telemetry.tracing import Tracing, fail


def server_of(bootstrap: str) -> str:
    """The broker that a client names first, without its port."""
    return bootstrap.partition(",")[0].rpartition(":")[0]


def begin_send(tracing: Tracing, topic: str, key: str, trace: str | None, client: str, server: str) -> Span:
    """The span whose context travels with the record."""
    attributes = {**_operation("send", topic, key, client), names.SERVER_ADDRESS: server}
    return tracing.start(f"send {topic}", trace, SpanKind.PRODUCER, attributes)


def end_send(span: Span, acknowledgement: asyncio.Future[RecordMetadata]) -> None:
    """Ends it with where the record stands now, or why it does not."""
    if acknowledgement.cancelled():
        fail(span, "cancelled")
    elif (error := acknowledgement.exception()) is not None:
        fail(span, type(error).__name__)
    else:
        metadata = acknowledgement.result()
        span.set_attribute(names.MESSAGING_PARTITION, str(metadata.partition))
        span.set_attribute(names.KAFKA_OFFSET, metadata.offset)
    span.end()


def begin_process(
    tracing: Tracing, topic: str, raw: ConsumerRecord, trace: str, client: str, server: str, group: str
) -> Span:
    """The span of the handling of a record, from its batch's beginning to its end."""
    attributes = {
        **_operation("process", topic, (raw.key or b"").decode(errors="replace"), client),
        names.SERVER_ADDRESS: server,
        names.MESSAGING_GROUP: group,
        names.MESSAGING_PARTITION: str(raw.partition),
        names.KAFKA_OFFSET: raw.offset,
    }
    return tracing.start(f"process {topic}", trace, SpanKind.CONSUMER, attributes, [trace])


def _operation(operation: str, topic: str, key: str, client: str) -> dict[str, str | int]:
    return {
        names.MESSAGING_SYSTEM: "kafka",
        names.MESSAGING_OPERATION_NAME: operation,
        names.MESSAGING_OPERATION_TYPE: operation,
        names.MESSAGING_DESTINATION: topic,
        names.MESSAGING_CLIENT: client,
        names.MESSAGING_MESSAGE: key,
        names.KAFKA_KEY: key,
    }
