"""Raw batches in: decode each record by itself, hand over what is good, dead-letter what is not, then let it commit.

FastStream commits when the handler returns (`NACK_ON_ERROR`), so a batch returns only when all its effects are
durable. What the infrastructure cannot take now is tried again, however long; a record's own fault goes to the
dead letters after bounded tries, and its neighbours go on.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from faststream import AckPolicy, NoCast
from faststream.kafka import KafkaBroker, KafkaMessage
from opentelemetry.trace import Span

from shared.contracts.events import EventType
from shared.contracts.messages import Message
from shared.contracts.record import NewerRecordError, Record
from shared.failpoints import handled, reach
from shared.kafka.dead_letter import REASONS, DeadLetter
from shared.kafka.faults import is_infrastructure
from shared.kafka.fetching import Fetching
from shared.kafka.publish import REPEATED, Outgoing, Publisher
from shared.kafka.spans import begin_process, server_of
from shared.settings import SharedSettings
from shared.telemetry import metrics
from shared.telemetry.failures import trace_failure
from shared.telemetry.tracing import TRACEPARENT, Tracing, fail, is_sampled, trace_headers, traceparent_of

R = TypeVar("R", bound=Record)
log = structlog.get_logger(__name__)

RECORD_TRIES = 3
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
HEARTBEAT_MS = 3_000
MAX_POLL_INTERVAL_MS = 600_000
LOOK_MS = 1000


@dataclass(slots=True)
class Incoming(Generic[R]):
    """One decoded record. `trace` is the traceparent to hand on: the span's own, or what came where unsampled."""

    record: R
    topic: str
    raw: ConsumerRecord
    trace: str | None = None
    span: Span | None = None

    @property
    def published_at(self) -> datetime:
        """When the record came to Kafka."""
        return datetime.fromtimestamp(self.raw.timestamp / 1000, UTC)

    @property
    def is_repeated(self) -> bool:
        """Whether it says once more what another record is certain to say."""
        return any(name == REPEATED for name, _ in self.raw.headers)


class StoppingError(Exception):
    """The process stops before the batch was begun."""


Handler = Callable[[list[Incoming[R]]], Awaitable[None]]
OnDead = Callable[[R, DeadLetter], Outgoing | None]


class BatchConsumer(Generic[R]):
    """One consumer group over some topics. `on_dead` may give a record to publish with a dead letter (`stuck`).

    `idle` is set while no batch is being handled, `outcast` once its group or a topic was refused to it: aiokafka's
    coordinator never asks again then, or minutes later, so that whoever started the consumer has to `restart` it.
    """

    def __init__(
        self,
        name: str,
        decoders: Mapping[str, type[R]],
        handler: Handler[R],
        *,
        settings: SharedSettings,
        publisher: Publisher,
        tracing: Tracing,
        fetching: Fetching,
        on_dead: OnDead[R] | None = None,
    ) -> None:
        self.name = name
        self.group = settings.group(name)
        self._handled = handled(name)
        self._client = f"posthorn-{name.partition('.')[0]}"
        self._server = server_of(settings.kafka_bootstrap)
        self._decoders = {settings.topic(topic): (topic, model) for topic, model in decoders.items()}
        self._handler = handler
        self._settings = settings
        self._publisher = publisher
        self._tracing = tracing
        self._fetching = fetching
        self._on_dead = on_dead
        self._stopping = asyncio.Event()
        self._subscriber: Any = None
        self.outcast = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()

    def attach(self, broker: KafkaBroker) -> None:
        """Declares the FastStream subscriber; it starts with the broker."""
        subscriber = broker.subscriber(
            *self._decoders,
            batch=True,
            group_id=self.group,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            auto_offset_reset="earliest",
            max_records=self._fetching.records,
            max_poll_records=self._fetching.records,
            fetch_max_wait_ms=self._fetching.wait_ms,
            fetch_min_bytes=self._fetching.min_bytes,
            session_timeout_ms=self._settings.session_timeout_ms,
            heartbeat_interval_ms=min(HEARTBEAT_MS, self._settings.session_timeout_ms // 3),
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            parser=_parse,
            decoder=_decode_nothing,
            no_reply=True,
        )

        async def consume(records: NoCast[tuple[ConsumerRecord, ...]]) -> None:
            self.idle.clear()
            try:
                await self._await_age(records)
                await self.process(records)
            finally:
                self.idle.set()

        for topic, _ in self._decoders.values():  # there from its first one on, a rise could not be told
            for reason in REASONS:
                metrics.DEAD_LETTERS.labels(topic, reason)
        subscriber(consume)
        # FastStream's own look sleeps after an empty answer: either often, or late for what comes meanwhile
        subscriber.get_msg = self._look  # type: ignore[method-assign]
        self._subscriber = subscriber

    async def restart(self) -> None:
        """Another consumer in place of the one that is there. Raises KafkaError."""
        await self._subscriber.stop()
        await self._subscriber.start()
        self.outcast.clear()

    async def _look(self, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        """The next records as soon as there are any, or none after a while."""
        try:
            found = await consumer.getmany(timeout_ms=LOOK_MS, max_records=self._fetching.records)
        except (GroupAuthorizationFailedError, TopicAuthorizationFailedError):
            self.outcast.set()
            raise
        return tuple(chain.from_iterable(found.values()))

    def stop(self) -> None:
        """Ends the waiting for infrastructure: the batch is given back and read again by whoever comes next."""
        self._stopping.set()

    async def _await_age(self, records: Sequence[ConsumerRecord]) -> None:
        """Raises StoppingError where the process stops meanwhile: the batch is given back."""
        if not self._fetching.age:
            return
        age = time.time() - max(record.timestamp for record in records) / 1000
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), min(self._fetching.age, self._fetching.age - age))
        if self._stopping.is_set():
            raise StoppingError

    async def process(self, records: Sequence[ConsumerRecord]) -> None:
        """Handles one batch to its end; returns only when every effect is durable."""
        started = time.monotonic()
        good, dead = self._decode(records)
        if good:
            dead += await self._handle(good)
        for incoming in good:
            if incoming.span is not None:
                incoming.span.end()
        if dead:
            await self._until_done(lambda: self._bury(dead))
        metrics.BATCH_SECONDS.labels(self.name).observe(time.monotonic() - started)
        metrics.BATCH_RECORDS.labels(self.name).observe(len(records))
        reach(self._handled, len(records))

    def _decode(self, records: Sequence[ConsumerRecord]) -> tuple[list[Incoming[R]], list[tuple[R | None, DeadLetter]]]:
        good: list[Incoming[R]] = []
        dead: list[tuple[R | None, DeadLetter]] = []
        for raw in records:
            topic, model = self._decoders[raw.topic]
            try:
                record = model.decode(raw.value or b"")
            except NewerRecordError:
                metrics.NEWER_RECORDS.labels(topic).inc()
                continue
            except ValueError as error:
                # pydantic's text would quote the input, which may hold an address
                text = f"{type(error).__name__}: {getattr(error, 'error_count', lambda: 1)()} fault(s)"
                dead.append((None, DeadLetter(raw, topic, self.group, "undecodable", text)))
                continue
            good.append(self._incoming(record, topic, raw))
        return good, dead

    def _incoming(self, record: R, topic: str, raw: ConsumerRecord) -> Incoming[R]:
        trace = next((value.decode() for name, value in raw.headers if name == TRACEPARENT and value), None)
        if not is_sampled(trace):
            return Incoming(record, topic, raw, trace)
        assert trace is not None
        span = begin_process(self._tracing, topic, raw, trace, self._client, self._server, self.group)
        return Incoming(record, topic, raw, traceparent_of(span), span)

    async def _handle(self, batch: list[Incoming[R]]) -> list[tuple[R | None, DeadLetter]]:
        """Handles the batch; where a record's own fault stops it, halves the batch until that record stands alone."""
        for attempt in range(RECORD_TRIES):
            try:
                await self._until_done(lambda: self._handler(batch))
                return []
            except Exception as error:
                if is_infrastructure(error):
                    raise  # only when stopping: the batch is given back
                fault = error
                if len(batch) > 1:
                    break
                await asyncio.sleep(FIRST_PAUSE * attempt)
        if len(batch) > 1:
            middle = len(batch) // 2
            return await self._handle(batch[:middle]) + await self._handle(batch[middle:])
        incoming = batch[0]
        log.error("record dead-lettered", consumer=self.name, topic=incoming.topic, exc_info=fault)
        if incoming.span is not None:
            fail(incoming.span, type(fault).__name__)
        letter = DeadLetter(incoming.raw, incoming.topic, self.group, "handler", f"{type(fault).__name__}: {fault}")
        return [(incoming.record, letter)]

    async def _bury(self, dead: list[tuple[R | None, DeadLetter]]) -> None:
        outgoing = [letter.outgoing() for _, letter in dead]
        for record, letter in dead:
            told = self._on_dead(record, letter) if self._on_dead and record is not None else None
            if told:
                outgoing.append(self._traced(record, told))
        await self._publisher.publish(outgoing)
        for _, letter in dead:
            metrics.DEAD_LETTERS.labels(letter.topic, letter.reason).inc()

    def _traced(self, record: R | None, told: Outgoing) -> Outgoing:
        """What is said of a message that got stuck here, under a trace that is recorded."""
        if not isinstance(record, Message):
            return told
        trace = trace_failure(self._tracing, record, EventType.STUCK, told.headers.get(TRACEPARENT))
        return dataclasses.replace(told, headers={**told.headers, **trace_headers(trace)})

    async def _until_done(self, act: Callable[[], Awaitable[None]]) -> None:
        """Tries again while infrastructure is away; raises what is the record's fault, and everything once stopping."""
        pause = FIRST_PAUSE
        while True:
            try:
                await act()
            except Exception as error:
                if self._stopping.is_set() or not is_infrastructure(error):
                    raise
                metrics.CONSUMER_PAUSED.labels(self.name).set(1)
                log.warning("waiting for infrastructure", consumer=self.name, error=f"{type(error).__name__}: {error}")
                try:
                    await asyncio.wait_for(self._stopping.wait(), pause)
                except TimeoutError:
                    pause = min(pause * 2, LONGEST_PAUSE)
                continue
            metrics.CONSUMER_PAUSED.labels(self.name).set(0)
            return


async def _parse(records: tuple[ConsumerRecord, ...], original: Callable[..., Awaitable[KafkaMessage]]) -> KafkaMessage:
    """Shows FastStream one bare record and keeps the real ones: its own parser fails on a null header."""
    bare = dataclasses.replace(records[0], headers=(), value=b"")
    message = await original((bare,))
    message.raw_message = records
    return message


async def _decode_nothing(message: KafkaMessage) -> tuple[ConsumerRecord, ...]:
    return message.raw_message
