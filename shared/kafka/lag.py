"""What consumer groups have read of topics and what they have not, counted from outside of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.kafka.security import client_arguments
from shared.settings import SharedSettings

DEADLINE_SECONDS = 15.0
LOOK_SECONDS = 60.0  # how often a topic's partitions are counted: there may be more of them
FIRST_BYTES = 64 * 1024  # of a partition at once: what is looked for is its first record


@dataclass(frozen=True, slots=True)
class Reader:
    """A consumer group of one topic, both without the deployment's prefix."""

    group: str
    topic: str


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a reader is: the records of its topic that it has not read, and those before them since ever; `first` is
    where what it has not read begins, in the partitions in which there is any."""

    unread: int
    read: int
    first: Mapping[TopicPartition, int] = field(default_factory=dict)


class LagMeter:
    """Committed offsets against end offsets. What was never committed counts from the first record that is kept."""

    def __init__(self, settings: SharedSettings) -> None:
        self._settings = settings
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._coordinators: dict[str, int] = {}
        self._partitions: dict[str, list[TopicPartition]] = {}
        self._looked_at = -LOOK_SECONDS

    async def measure(self, readers: Iterable[Reader]) -> dict[Reader, Lag]:
        """How far each reader is; raises KafkaError or TimeoutError, and connects anew after that."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await self._measure(list(readers))
        except BaseException:
            await self.close()
            raise

    async def oldest(self, lags: Mapping[Reader, Lag]) -> dict[Reader, datetime]:
        """When the first record that each reader has not read was published; of those that have read all nothing.

        Raises KafkaError or TimeoutError, and connects anew after that.
        """
        places = {partition: offset for lag in lags.values() for partition, offset in lag.first.items()}
        if not places:
            return {}
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                times = await self._times(places)
        except BaseException:
            await self.close()
            raise
        return {reader: min(times[one] for one in lag.first) for reader, lag in lags.items() if lag.first}

    async def close(self) -> None:
        admin, consumer, self._admin, self._consumer = self._admin, self._consumer, None, None
        self._coordinators.clear()
        self._partitions.clear()
        if admin is not None:
            await admin.close()
        if consumer is not None:
            await consumer.stop()

    async def _measure(self, readers: list[Reader]) -> dict[Reader, Lag]:
        admin, consumer = await self._connect()
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._partitions.clear()
            self._looked_at = time.monotonic()
        for topic in {reader.topic for reader in readers}:
            if not self._partitions.get(topic):  # a topic that is not there may come back
                self._partitions[topic] = await self._partitions_of(admin, topic)
        committed = await asyncio.gather(*(self._committed(admin, reader) for reader in readers))
        partitions = {partition for reader in readers for partition in self._partitions[reader.topic]}
        ends = await consumer.end_offsets(list(partitions))
        begins = await consumer.beginning_offsets(list(partitions))
        lags = {}
        for reader, at in zip(readers, committed, strict=True):
            read = {one: max(at.get(one, -1), begins[one]) for one in self._partitions[reader.topic]}
            # a topic that was deleted and made again ends before what was committed of the old one
            unread = sum(max(0, ends[one] - offset) for one, offset in read.items())
            first = {one: offset for one, offset in read.items() if offset < ends[one]}
            lags[reader] = Lag(unread, sum(read.values()), first)
        return lags

    async def _times(self, places: Mapping[TopicPartition, int]) -> dict[TopicPartition, datetime]:
        _, consumer = await self._connect()
        consumer.assign(list(places))
        try:
            for partition, offset in places.items():
                consumer.seek(partition, offset)
            found: dict[TopicPartition, datetime] = {}
            while len(found) < len(places):
                left = [partition for partition in places if partition not in found]
                for partition, records in (await consumer.getmany(*left, timeout_ms=500)).items():
                    found[partition] = datetime.fromtimestamp(records[0].timestamp / 1000, UTC)
            return found
        finally:
            consumer.unsubscribe()

    async def _connect(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._admin is None or self._consumer is None:
            arguments = client_arguments(self._settings)
            self._admin = AIOKafkaAdminClient(**arguments)
            self._consumer = AIOKafkaConsumer(
                **arguments, enable_auto_commit=False, max_partition_fetch_bytes=FIRST_BYTES
            )
            await self._admin.start()
            await self._consumer.start()
        return self._admin, self._consumer

    async def _partitions_of(self, admin: AIOKafkaAdminClient, topic: str) -> list[TopicPartition]:
        name = self._settings.topic(topic)
        described = await admin.describe_topics([name])
        return [TopicPartition(name, each["partition"]) for topic in described for each in topic["partitions"]]

    async def _committed(self, admin: AIOKafkaAdminClient, reader: Reader) -> dict[TopicPartition, int]:
        partitions = self._partitions[reader.topic]
        if not partitions:
            return {}
        group = self._settings.group(reader.group)
        if group not in self._coordinators:
            self._coordinators[group] = await admin.find_coordinator(group)
        found = await admin.list_consumer_group_offsets(group, self._coordinators[group], partitions)
        return {partition: offset.offset for partition, offset in found.items()}
