"""What ingest itself says of a submission's messages: those it schedules, ends, or asks the sender to cancel. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from shared.contracts.commands import Command, CommandType
from shared.contracts.events import EVENT_NAMESPACE, Event, EventType, accepted_event, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import COMMANDS, EVENTS
from shared.erasure import REASON, is_erased
from shared.kafka.publish import Outgoing
from shared.telemetry.tracing import trace_headers


def announcements(submission: Mapping[str, Any]) -> list[Outgoing]:
    """The records of a submission document's present state; the same ids however often they are made."""
    return [record for entry in submission["messages"] for record in _of_message(submission, entry)]


def _of_message(submission: Mapping[str, Any], entry: Mapping[str, Any]) -> list[Outgoing]:
    message = Message.decode(bytes(entry["record"]))
    headers = trace_headers(submission.get("trace"))
    if moment := entry.get("cancel_requested_at"):
        command = Command(
            command_id=str(uuid.uuid5(EVENT_NAMESPACE, f"{message.message_id}:cancel")),
            type=CommandType.CANCEL,
            occurred_at=moment,
            message=message,
        )
        return [Outgoing(COMMANDS, message.message_id, command.encode(), headers)]
    events: list[Event] = []
    if message.scheduled_at or "suppressed" in entry:
        events.append(accepted_event(message, at=message.accepted_at))
    if "suppressed" in entry:
        data = {"reason": entry["suppressed"], "by": "ingest"}
        events.append(event_of(message, EventType.SUPPRESSED, message.accepted_at, data))
    if moment := entry.get("canceled_at"):
        reason = REASON if is_erased(message.recipient) else "requested"
        events.append(event_of(message, EventType.CANCELED, moment, {"reason": reason}))
    return [Outgoing(EVENTS, message.message_id, event.encode(), headers) for event in events]
