"""Events of a message that nothing on a local stack brings about, put where the rest of its life is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer

from deploy.local.stack import Stack
from shared.contracts.events import Event, EventType, event_id_of, sequence_of
from shared.contracts.topics import EVENTS
from tests.e2e.records import all_records
from tests.fixtures.deployment import eventually


async def event_of_stack(stack: Stack, message_id: str, type_: EventType) -> Event:
    """An event of the message as the stack itself tells it, as soon as it does."""
    topic = stack.env["POSTHORN_TOPIC_PREFIX"] + EVENTS

    async def there() -> list[Event]:
        records = [record for record in await all_records(stack) if (record.topic, record.key) == (topic, key)]
        return [event for event in (Event.decode(record.value) for record in records) if event.type is type_]

    key = message_id.encode()
    return (await eventually(there, seconds=30, every=0.5, what=f"{type_} of {message_id}"))[0]


async def tell(stack: Stack, event: Event, type_: EventType, **data: Any) -> None:
    """Publishes what came of the same message later."""
    event_id, sequence = event_id_of(event.message_id, type_, event.pass_), sequence_of(type_, event.pass_)
    later = event.with_changes(
        event_id=event_id, type=type_, sequence=sequence, occurred_at=datetime.now(UTC), data=data
    )
    producer = AIOKafkaProducer(bootstrap_servers=stack.env["POSTHORN_KAFKA_BOOTSTRAP"], acks="all")
    await producer.start()
    try:
        topic = stack.env["POSTHORN_TOPIC_PREFIX"] + EVENTS
        await producer.send_and_wait(topic, later.encode(), event.message_id.encode())
    finally:
        await producer.stop()
