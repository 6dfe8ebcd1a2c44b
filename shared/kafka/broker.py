"""The FastStream broker, with the settings that must not stay at their defaults."""

from __future__ import annotations

import logging

from faststream.kafka import KafkaBroker

from shared.settings import SharedSettings

LINGER_MS = 5


def make_broker(settings: SharedSettings, client_id: str) -> KafkaBroker:
    """A broker that is not connected yet: `acks=all`, idempotent, lz4, no topics made by accident."""
    return KafkaBroker(
        settings.kafka_bootstrap.split(","),
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=LINGER_MS,
        allow_auto_create_topics=False,
        graceful_timeout=settings.shutdown_seconds,
        logger=logging.getLogger(__name__),  # its own writes lines that are not JSON
        log_level=logging.DEBUG,
        apply_types=True,
    )
