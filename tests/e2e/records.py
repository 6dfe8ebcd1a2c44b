"""What a stack has on Kafka."""

from __future__ import annotations

import time

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from deploy.local.stack import Stack
from shared.contracts.topics import all_topics
from shared.kafka.reading import FETCH_WAIT_MS


async def all_records(stack: Stack) -> list[ConsumerRecord]:
    """Every record of every topic, dead letters included, up to where the topics end now."""
    prefix = stack.env["POSTHORN_TOPIC_PREFIX"]
    consumer = AIOKafkaConsumer(
        *(prefix + topic.name for topic in all_topics()),
        bootstrap_servers=stack.env["POSTHORN_KAFKA_BOOTSTRAP"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        found: list[ConsumerRecord] = []
        deadline = time.monotonic() + 30
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            assert time.monotonic() < deadline, "Kafka does not give what it has"
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += batch
        return found
    finally:
        await consumer.stop()


async def topics_of(stack: Stack, message_id: str) -> list[str]:
    """The topics, by name and without the stack's prefix, that hold a record keyed with the message's id."""
    prefix = stack.env["POSTHORN_TOPIC_PREFIX"]
    records = await all_records(stack)
    return sorted({record.topic.removeprefix(prefix) for record in records if record.key == message_id.encode()})
