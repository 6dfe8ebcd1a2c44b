"""How much stands on the dead-letter topics, as a metric."""

from __future__ import annotations

from shared.contracts.topics import LIVE
from shared.kafka.dead_letter import count_dead_letters
from shared.settings import SharedSettings
from shared.telemetry import metrics

LOOK_SECONDS = 60.0


async def observe_dead_letters(settings: SharedSettings) -> None:
    """Sets DEAD_LETTERS_KEPT; the same in every process. Raises KafkaError."""
    for topic, count in (await count_dead_letters(settings, LIVE)).items():
        metrics.DEAD_LETTERS_KEPT.labels(topic).set(count)
