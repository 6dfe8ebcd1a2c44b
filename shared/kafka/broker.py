"""What speaks to Kafka, with the settings that must not stay at their defaults: FastStream's broker, and producers."""

from __future__ import annotations

import logging

from aiokafka import AIOKafkaProducer
from faststream.kafka import KafkaBroker

from shared.kafka.lost_connections import notice_lost_connections
from shared.kafka.security import broker_security, client_arguments, servers_of
from shared.settings import SharedSettings

LINGER_MS = 5
METADATA_MS = 10_000  # at the usual five minutes, what a producer puts into a new partition would wait as long
BACKOFF_MS = 300  # before anything is tried again; a process has a dozen clients, and each of them tries
BATCH_BYTES = 128 * 1024  # of one partition, before compression


def make_broker(settings: SharedSettings, client_id: str) -> KafkaBroker:
    """A broker of consumers that is not connected yet; no topics are made by accident.

    From now on every Kafka client of the process notices lost connections.
    """
    notice_lost_connections()
    return KafkaBroker(
        servers_of(settings),
        security=broker_security(settings),
        client_id=client_id,
        retry_backoff_ms=BACKOFF_MS,
        metadata_max_age_ms=METADATA_MS,
        consumer_only=True,
        allow_auto_create_topics=False,
        graceful_timeout=settings.shutdown_seconds,
        logger=logging.getLogger(__name__),  # its own writes lines that are not JSON
        log_level=logging.DEBUG,
        apply_types=True,
    )


async def make_producer(settings: SharedSettings, client_id: str) -> AIOKafkaProducer:
    """A connected producer: `acks=all`, idempotent, lz4. Raises KafkaError or OSError where Kafka cannot be reached."""
    producer = AIOKafkaProducer(
        **client_arguments(settings),
        client_id=client_id,
        retry_backoff_ms=BACKOFF_MS,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=LINGER_MS,
        max_batch_size=BATCH_BYTES,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer
