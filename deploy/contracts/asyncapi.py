"""The AsyncAPI 3.0 document: topics as channels, who sends and receives what as operations, records as messages."""

from __future__ import annotations

from typing import Any

from deploy.contracts.catalogue import RECORDS, TOPICS
from deploy.contracts.examples import examples
from deploy.contracts.schemas import definitions
from shared.contracts.flows import FLOWS
from shared.contracts.record import MAX_RECORD_BYTES, Record
from shared.contracts.topics import Lane, Topic, all_topics
from shared.kafka.dead_letter import EXCEPTION, FAILED_AT, GROUP, ORIGIN, REASON
from shared.kafka.publish import REPEATED
from shared.telemetry.tracing import TRACEPARENT

BINDING = "0.5.0"
REF = "#/components/schemas/{model}"
DESCRIPTION = f"""\
What Posthorn's services say to each other over Kafka. Names are without the deployment's `POSTHORN_TOPIC_PREFIX`,
which stands before topics and consumer groups; partitions of topics that grow with the mail are
`POSTHORN_TOPIC_PARTITIONS`, here as many as it has by default. Values are JSON of at most {MAX_RECORD_BYTES:,} bytes;
fields that are null are left out, and readers ignore fields that they do not know. Delivery is at least once: every
consumer recognises what it has done."""
DEAD_HEADERS = {
    REASON: "`undecodable` (it fits no schema) or `handler` (a consumer failed at it)",
    EXCEPTION: "the error's text",
    ORIGIN: "`<topic>/<partition>/<offset>`",
    GROUP: "the consumer group that gave it up",
    FAILED_AT: "when, RFC 3339",
}


def document() -> dict[str, Any]:
    """The whole document."""
    channels = {topic.name: _channel(topic) for topic in all_topics()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Posthorn's topics", "version": "1", "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": _operations(),
        "components": {
            "schemas": {
                **definitions(RECORDS, REF),
                "Headers": _headers({}),
                "DeadLetterHeaders": _headers(DEAD_HEADERS),
            },
            "messages": {record.__name__: _message(record) for record in RECORDS if _travels(record)},
        },
    }


def _travels(record: type[Record]) -> bool:
    return any(record in carried.records for carried in TOPICS.values())


def _channel(topic: Topic) -> dict[str, Any]:
    of = topic.name.removesuffix(".dlq")
    carried, is_dead = TOPICS[of], of != topic.name
    described: dict[str, Any] = {
        "address": topic.name,
        "summary": f"What could not be processed of {of}." if is_dead else carried.summary,
        "description": f"The key is {carried.key}.",
    }
    lane = next((lane for lane in Lane if of.endswith(f".{lane}")), None)
    if lane is not None:
        described["x-lane"] = str(lane)
    messages = {record.__name__: {"$ref": f"#/components/messages/{record.__name__}"} for record in carried.records}
    if is_dead:
        messages = {name: _dead(name) for name in messages}
    kept = {"cleanup.policy": ["compact"]} if topic.retention_ms is None else _kept(topic.retention_ms)
    kafka = {"partitions": topic.partitions, "topicConfiguration": kept, "bindingVersion": BINDING}
    return {**described, "messages": messages, "bindings": {"kafka": kafka}}


def _kept(retention_ms: int) -> dict[str, Any]:
    return {"cleanup.policy": ["delete"], "retention.ms": retention_ms}


def _message(record: type[Record]) -> dict[str, Any]:
    name = record.__name__
    key = {"type": "string", "description": next(each.key for each in TOPICS.values() if record in each.records)}
    return {
        "name": name,
        "summary": (record.__doc__ or "").strip().partition("\n")[0],
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": BINDING}},
        "examples": [{"name": name.lower(), "payload": examples()[name]}],
    }


def _dead(name: str) -> dict[str, Any]:
    """A record with why it is here. What stands in it may be anything."""
    return {
        "name": f"Dead{name}",
        "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
        "payload": {"description": f"what stood in the place of a {name}, as it came"},
    }


def _headers(further: dict[str, str]) -> dict[str, Any]:
    texts = {
        TRACEPARENT: "the W3C trace context of what the record is part of",
        REPEATED: "stands where another record is certain to say the same: who counts leaves this one out",
        **further,
    }
    described = {name: {"type": "string", "description": text} for name, text in texts.items()}
    return {"type": "object", "properties": described, "required": sorted(further)}


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for service, flow in FLOWS.items():
        for topic in flow.sends:
            summary = f"{service} publishes to {topic}."
            operations[f"{service}.sends.{topic}"] = _operation("send", topic, summary)
        for topic in flow.dead_letters:
            summary = f"{service} puts aside what it cannot process."
            operations[f"{service}.sends.{topic}"] = _operation("send", topic, summary)
        for group, topics in flow.groups.items():
            for topic in topics:
                summary = f"The consumer group {group} of {service}."
                operations[f"{group}.receives.{topic}"] = _operation("receive", topic, summary, group)
        for topic in flow.reads:
            summary = f"{service} reads back, outside any consumer group."
            operations[f"{service}.reads.{topic}"] = _operation("receive", topic, summary)
    return operations


def _operation(action: str, topic: str, summary: str, group: str | None = None) -> dict[str, Any]:
    channel = {"$ref": f"#/channels/{topic}"}
    operation: dict[str, Any] = {"action": action, "channel": channel, "summary": summary}
    if group is not None:
        kafka = {"groupId": {"type": "string", "const": group}, "bindingVersion": BINDING}
        operation["bindings"] = {"kafka": kafka}
    return operation
