"""What is seen of a Posthorn while Kafka is away or a topic is gone: ingest answers as ever, and nothing goes out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.install import CHECKOUT
from deploy.local.stack import Stack
from tests.faults.forms import Form
from tests.faults.load import Accepted
from tests.faults.world import World
from tests.fixtures.deployment import eventually

PROMPTLY = 5.0  # seconds; a busy machine's, where a healthy one answers in milliseconds
PROBE = 4  # messages sent at once, again and again
PROBE_SECONDS = 0.1


def away(form: Form) -> float:
    """How many seconds Kafka is away; the full form outlives what a producer waits for an acknowledgement."""
    return 40.0 if form.full else 4.0


async def answered_meanwhile(there: World, seconds: float) -> dict[str, Accepted]:
    """Sends a few messages at a time for `seconds`, each of which has to be answered with 202, at once and at the
    first try; returns what was answered to anybody meanwhile."""
    before, repeats = set(there.load.answered), there.load.repeats
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        async with asyncio.timeout(PROMPTLY):
            await there.load.send(PROBE)
        await asyncio.sleep(PROBE_SECONDS)  # it is the outage's length that counts, not the number
    assert there.load.repeats == repeats, f"not answered with 202: {there.load.refusals[repeats:][:5]}"
    return {id_: one for id_, one in there.load.answered.items() if id_ not in before}


async def arrived(there: World, messages: Mapping[str, Accepted]) -> int:
    """How many of these the sink has taken."""
    return sum(count > 0 for count in (await there.witness.copies(dict(messages))).values())


async def unread(bootstrap: str, topic: str, group: str) -> int:
    """How many records of a topic stand before a consumer group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await admin.start()
    await consumer.start()
    try:
        [described] = await admin.describe_topics([topic])
        partitions = [TopicPartition(topic, each["partition"]) for each in described["partitions"]]
        committed = await admin.list_consumer_group_offsets(group, partitions=partitions)
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        return sum(ends[each] - max(begins[each], committed[each].offset) for each in partitions)
    finally:
        await consumer.stop()
        await admin.close()


async def end_of(bootstrap: str, topic: str) -> int:
    """How many records of a topic there have ever been."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        return sum((await consumer.end_offsets(list(consumer.assignment()))).values())
    finally:
        await consumer.stop()


async def delete_topic(bootstrap: str, topic: str) -> None:
    """Returns when the topic is gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()

    async def gone() -> bool:
        return topic not in await admin.list_topics()

    try:
        await admin.delete_topics([topic])
        await eventually(gone, what=f"the end of {topic}")
    finally:
        await admin.close()


def make_topics(stack: Stack) -> list[str]:
    """Runs `posthorn topics`; returns what was missing."""
    command = [sys.executable, "-m", "services.cli", "topics"]
    done = subprocess.run(command, env=stack.env, cwd=CHECKOUT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
