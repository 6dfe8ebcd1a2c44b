"""A process's connection to Kafka: made in the background, so that a service starts while Kafka is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

import structlog
from aiokafka.errors import KafkaError

from shared.kafka.batch import BatchConsumer
from shared.kafka.broker import make_broker
from shared.kafka.publish import Publisher
from shared.settings import SharedSettings
from shared.telemetry.tracing import Tracing

log = structlog.get_logger(__name__)
PAUSE, READMIT_SECONDS = 1.0, 5.0
CLOSE_SECONDS = 5.0


class KafkaConnection:
    """An async context: the broker, its publisher, and the consumers that are attached before it is entered."""

    def __init__(self, settings: SharedSettings, name: str, tracing: Tracing | None = None) -> None:
        self.broker = make_broker(settings, f"posthorn-{name}")
        self.publisher = Publisher(settings, f"posthorn-{name}", tracing=tracing)
        self.consumers: list[BatchConsumer] = []
        self.connected = asyncio.Event()
        self._settings = settings
        self._closing = asyncio.Event()
        self._starting: asyncio.Task[None] | None = None

    def attach(self, consumer: BatchConsumer) -> None:
        consumer.attach(self.broker)
        self.consumers.append(consumer)

    async def __aenter__(self) -> KafkaConnection:
        self._starting = asyncio.create_task(self._start(), name="kafka-start")
        return self

    async def _start(self) -> None:
        while not self._closing.is_set():
            try:
                await self.publisher.connect()
                await self.broker.start()
            except (KafkaError, OSError) as error:
                log.warning("kafka cannot be reached", error=f"{type(error).__name__}: {error}")
                await _ended([asyncio.create_task(self.broker.stop())])
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), PAUSE)
            else:
                self.connected.set()
                await self._readmit()

    async def _readmit(self) -> None:
        """Starts consumers again that were refused, until the end: they may have the right by then."""
        while not self._closing.is_set():
            for consumer in self.consumers:
                if consumer.outcast.is_set():
                    log.warning("refused, tries again", consumer=consumer.name)
                    with suppress(KafkaError, OSError):
                        await consumer.restart()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), READMIT_SECONDS)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end_start()
        await _ended([asyncio.create_task(self.broker.stop())])
        await self.publisher.close()

    async def _end_start(self) -> None:
        """Lets a start that is under way come to its end: a consumer that starts while it is stopped would be left
        running, and one that is cut off leaves connections behind."""
        self._closing.set()
        if self._starting is not None:
            await asyncio.wait([self._starting], timeout=CLOSE_SECONDS)
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)

    async def stop_consuming(self) -> None:
        """Takes no further batch and waits for those under way; publishing goes on, with less patience."""
        self.publisher.deadline = min(self.publisher.deadline, CLOSE_SECONDS)
        await self._end_start()
        for consumer in self.consumers:
            consumer.stop()
        stops = [asyncio.create_task(subscriber.stop()) for subscriber in self.broker.subscribers]
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.shutdown_seconds):
                await asyncio.gather(*(consumer.idle.wait() for consumer in self.consumers))
        await _ended(stops)

    @property
    def ready(self) -> bool:
        """True once the broker answered and every consumer's group has settled."""
        return self.connected.is_set() and all(
            getattr(subscriber, "consumer", None) is not None and subscriber.running
            for subscriber in self.broker.subscribers
        )


async def _ended(stops: Sequence[asyncio.Task[None]]) -> None:
    """Returns when all have ended, or after CLOSE_SECONDS.

    With Kafka away a consumer cannot leave its group: it tries for longer than a process may take to stop, or raises.
    Its group misses it anyhow.
    """
    if not stops:
        return
    _, late = await asyncio.wait(stops, timeout=CLOSE_SECONDS)
    for stop in late:
        stop.cancel()
    for result in await asyncio.gather(*stops, return_exceptions=True):
        if isinstance(result, BaseException):
            log.warning("not closed as it should be", error=f"{type(result).__name__}: {result}")
