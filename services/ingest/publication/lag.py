"""Counts what the pipeline has read and what it has not: the relay publishes only while the rest is little."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.ingest.publication.allowance import Allowance, Lag, Reader
from shared.loops import Loops
from shared.settings import SharedSettings
from shared.telemetry import metrics

DEADLINE_SECONDS = 15.0
IDLE_TURNS = 10


class LagMeter:
    """Committed offsets against end offsets. What was never committed counts from the first record that is kept."""

    def __init__(self, settings: SharedSettings) -> None:
        self._settings = settings
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._coordinators: dict[str, int] = {}
        self._partitions: dict[str, list[TopicPartition]] = {}

    async def measure(self, readers: Iterable[Reader]) -> dict[Reader, Lag]:
        """How far each reader is; raises KafkaError or TimeoutError, and connects anew after that."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await self._measure(list(readers))
        except BaseException:
            await self.close()
            raise

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
            lags[reader] = Lag(unread, sum(read.values()))
        return lags

    async def _connect(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._admin is None or self._consumer is None:
            servers = self._settings.kafka_bootstrap.split(",")
            self._admin = AIOKafkaAdminClient(bootstrap_servers=servers)
            self._consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
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


class LagWatch:
    """Measures for all allowances at once, in its own loop; seldom while there is nothing unread."""

    def __init__(self, meter: LagMeter, allowances: list[Allowance], seconds: float) -> None:
        self._meter = meter
        self._allowances = allowances
        self._readers = {reader for allowance in allowances for path in allowance.paths for reader in path}
        self._seconds = seconds

    async def work(self, loops: Loops) -> None:
        idle_turns = 0
        try:
            while not loops.stopping.is_set():
                if idle_turns % IDLE_TURNS == 0:
                    await self.measure()
                idle_turns = idle_turns + 1 if all(one.is_idle for one in self._allowances) else 0
                await loops.pause(self._seconds)
        finally:
            await self._meter.close()

    async def measure(self) -> None:
        """Measures once, shows it as CONSUMER_LAG, and renews the allowances.

        Where that fails they stay: what was spent since the last measurement counts on, so the bound holds however
        long none comes, and a Kafka that is slow to answer for once does not stop the relays.
        """
        counted = [allowance.spent for allowance in self._allowances]
        lags = await self._meter.measure(self._readers)
        for reader, lag in lags.items():
            metrics.CONSUMER_LAG.labels(reader.group, reader.topic).set(lag.unread)
        now = time.monotonic()
        for allowance, before in zip(self._allowances, counted, strict=True):
            allowance.measured(lags, before, now)
