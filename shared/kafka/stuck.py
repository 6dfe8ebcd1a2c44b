"""What is said of a message whose record was dead-lettered: it is `stuck` until it is replayed or expires."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS
from shared.kafka.dead_letter import DeadLetter
from shared.kafka.publish import Outgoing
from shared.telemetry.tracing import trace_headers


def stuck_event(message: Message, letter: DeadLetter) -> Outgoing:
    """The `stuck` event of a message that a pipeline consumer gave up on."""
    data = {"stage": letter.group, "topic": letter.topic, "reason": letter.reason, "fault": letter.exception[:200]}
    event = event_of(message, EventType.STUCK, datetime.now(UTC), data, occurrence=letter.topic)
    return Outgoing(EVENTS, event.message_id, event.encode(), trace_headers(message.trace))
