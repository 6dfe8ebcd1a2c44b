"""A process's connection to Kafka: made in the background, so that a service starts while Kafka is away."""

from __future__ import annotations

import asyncio
from types import TracebackType

import structlog
from aiokafka.errors import KafkaError

from shared.kafka.batch import BatchConsumer
from shared.kafka.broker import make_broker
from shared.kafka.publish import Publisher
from shared.settings import SharedSettings

log = structlog.get_logger(__name__)
PAUSE = 1.0


class KafkaConnection:
    """An async context: the broker, its publisher, and the consumers that are attached before it is entered."""

    def __init__(self, settings: SharedSettings, name: str) -> None:
        self.broker = make_broker(settings, f"posthorn-{name}")
        self.publisher = Publisher(self.broker, settings)
        self.consumers: list[BatchConsumer] = []
        self.connected = asyncio.Event()
        self._settings = settings
        self._starting: asyncio.Task[None] | None = None

    def attach(self, consumer: BatchConsumer) -> None:
        consumer.attach(self.broker)
        self.consumers.append(consumer)

    async def __aenter__(self) -> KafkaConnection:
        self._starting = asyncio.create_task(self._start(), name="kafka-start")
        return self

    async def _start(self) -> None:
        while True:
            try:
                await self.broker.start()
            except (KafkaError, OSError) as error:
                log.warning("kafka cannot be reached", error=f"{type(error).__name__}: {error}")
                await self.broker.stop()
                await asyncio.sleep(PAUSE)
            else:
                self.connected.set()
                return

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._starting is not None
        self._starting.cancel()
        await asyncio.gather(self._starting, return_exceptions=True)
        await self.broker.stop()

    async def stop_consuming(self) -> None:
        """Takes no further batch and waits for those under way; publishing goes on."""
        for consumer in self.consumers:
            consumer.stop()
        await asyncio.gather(*(subscriber.stop() for subscriber in self.broker.subscribers))

    @property
    def ready(self) -> bool:
        """True once the broker answered and every consumer's group has settled."""
        return self.connected.is_set() and all(
            getattr(subscriber, "consumer", None) is not None and subscriber.running
            for subscriber in self.broker.subscribers
        )
