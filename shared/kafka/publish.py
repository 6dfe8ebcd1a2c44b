"""Publishing in batches: everything is sent at once and every acknowledgement is awaited."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError
from aiokafka.structs import RecordMetadata

from shared.contracts.record import MAX_RECORD_BYTES
from shared.kafka.broker import make_producer
from shared.kafka.spans import begin_send, end_send, server_of
from shared.settings import SharedSettings
from shared.telemetry.tracing import TRACEPARENT, Tracing, is_sampled, trace_headers, traceparent_of

DEADLINE_SECONDS = 15.0  # longer than a failover to another broker takes
FLUSH_SECONDS = 5.0
REFUSALS = (MessageSizeTooLargeError, RecordTooLargeError)
REPEATED = "repeated"
"""The header of a record that says once more what another is certain to say: who counts leaves it out."""

Acknowledgement = asyncio.Future[RecordMetadata]


class PublishUnknownError(Exception):
    """Not every acknowledgement came in time: the records may or may not be there. Publish them again."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to publish; `topic` is without the deployment's prefix."""

    topic: str
    key: str
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


class Publisher:
    """Publishes through a producer of its own, made at the first need and anew when it is broken.

    An idempotent producer never gives a record up, so the deadline is ours: `deadline` seconds for a batch. While it
    owes acknowledgements that came in no time, it gets nothing more for their topics: callers try again as long as
    Kafka is away, and each try would be one more copy to hold and to publish.
    """

    def __init__(
        self,
        settings: SharedSettings,
        client_id: str,
        deadline: float = DEADLINE_SECONDS,
        tracing: Tracing | None = None,
    ) -> None:
        self._settings = settings
        self._tracing = tracing
        self._client_id = client_id
        self._server = server_of(settings.kafka_bootstrap)
        self.deadline = deadline
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._owed: defaultdict[str, set[Acknowledgement]] = defaultdict(set)
        self._closing: set[asyncio.Task[None]] = set()

    async def connect(self) -> AIOKafkaProducer:
        """The producer, connected; raises KafkaError or OSError where Kafka cannot be reached."""
        async with self._connecting:
            if self._producer is None:
                self._producer = await make_producer(self._settings, self._client_id)
            return self._producer

    async def close(self) -> None:
        """Closes the producer; what it cannot flush now was never said to be published."""
        if self._producer is not None:
            self._discard(self._producer)
        if self._closing:
            _, late = await asyncio.wait(self._closing, timeout=FLUSH_SECONDS)
            for closing in late:
                closing.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def publish(self, records: Sequence[Outgoing]) -> list[Outgoing]:
        """Publishes the records and returns those that can never be published (too large for a record).

        Raises PublishUnknownError where an acknowledgement is missing; the caller publishes all of them again.
        """
        refused = [record for record in records if len(record.value or b"") > MAX_RECORD_BYTES]
        wanted = [record for record in records if record not in refused] if refused else records
        if not wanted:
            return refused
        sent: list[Acknowledgement] = []
        producer: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self.deadline):
                await self._settled({record.topic for record in wanted})
                producer = await self.connect()
                for record in wanted:
                    sent.append(await self._send(producer, record))  # noqa: PERF401 - kept where a later one fails
                # `wait` leaves the futures alone when time runs out; cancelling them would upset the producer's batch
                await asyncio.wait(sent)
        except Exception as error:
            if producer is not None and isinstance(error, KafkaError):
                self._discard(producer)
            raise PublishUnknownError(f"{type(error).__name__}: {error}") from error
        finally:
            self._owe(wanted, sent)
        faults = [each.exception() for each in sent]
        if any(faults):
            self._discard(producer)
        unknown = next((fault for fault in faults if fault is not None and not isinstance(fault, REFUSALS)), None)
        if unknown is not None:
            raise PublishUnknownError(f"{type(unknown).__name__}: {unknown}") from unknown
        return refused + [record for record, fault in zip(wanted, faults, strict=True) if fault is not None]

    async def _send(self, producer: AIOKafkaProducer, record: Outgoing) -> Acknowledgement:
        given, topic = record.headers, self._settings.topic(record.topic)
        span = None
        if self._tracing is not None and is_sampled(trace := given.get(TRACEPARENT)):
            span = begin_send(self._tracing, record.topic, record.key, trace, self._client_id, self._server)
            given = {**given, **trace_headers(traceparent_of(span))}
        headers = [(name, text.encode()) for name, text in given.items()]
        sent: Acknowledgement = await producer.send(topic, record.value, record.key.encode(), headers=headers)
        if span is not None:
            sent.add_done_callback(partial(end_send, span))
        return sent

    async def _settled(self, topics: Collection[str]) -> None:
        """Returns when nothing is owed for these topics any more."""
        while owed := set[Acknowledgement]().union(*(self._owed[topic] for topic in topics)):
            await asyncio.wait(owed)

    def _owe(self, records: Iterable[Outgoing], sent: Iterable[Acknowledgement]) -> None:
        for record, acknowledgement in zip(records, sent, strict=False):
            if not acknowledgement.done():
                self._owed[record.topic].add(acknowledgement)
                acknowledgement.add_done_callback(partial(self._settle, record.topic))

    def _settle(self, topic: str, acknowledgement: Acknowledgement) -> None:
        self._owed[topic].discard(acknowledgement)
        acknowledgement.exception()  # retrieved: whoever waited for it was told that nothing is known

    def _discard(self, producer: AIOKafkaProducer) -> None:
        """Puts a producer aside: a batch that failed for good leaves a hole in the numbers of its partition, and
        nothing more is taken there from this producer."""
        if self._producer is producer:
            self._producer = None
        closing = asyncio.create_task(producer.stop(), name="producer-stop")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
