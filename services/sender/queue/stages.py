"""What waits before the sender owns it: count and oldest by lane and stage, as Kafka tells."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from shared.contracts.record import rfc3339
from shared.contracts.topics import Lane, accepted, cleared, due, routed
from shared.kafka.lag import LagMeter, Reader
from shared.settings import SharedSettings

log = structlog.get_logger(__name__)
KEPT_SECONDS = 2.0


def readers_of(lane: Lane) -> dict[str, tuple[Reader, ...]]:
    """Each stage's consumers in a lane."""
    route, check = f"router.route.{lane}", f"suppression.check.{lane}"
    return {
        "router": (Reader(route, accepted(lane)), Reader(route, due(lane))),
        "suppression": (Reader(check, routed(lane)),),
        "sender": (Reader(f"sender.deliver.{lane}", cleared(lane)),),
    }


class Stages:
    """Looks once for however many ask, and keeps what it saw for KEPT_SECONDS."""

    def __init__(self, settings: SharedSettings) -> None:
        self._meter = LagMeter(settings)
        self._looking = asyncio.Lock()
        self._seen: list[dict[str, Any]] | None = None
        self._seen_at = float("-inf")

    async def look(self) -> list[dict[str, Any]] | None:
        """`{lane, stage, count, oldest_at}` of each; None while Kafka does not answer."""
        async with self._looking:
            if time.monotonic() - self._seen_at > KEPT_SECONDS:
                self._seen = await self._look()
                self._seen_at = time.monotonic()
            return self._seen

    async def aclose(self) -> None:
        await self._meter.close()

    async def _look(self) -> list[dict[str, Any]] | None:
        by_stage = {(lane, stage): readers for lane in Lane for stage, readers in readers_of(lane).items()}
        try:
            lags = await self._meter.measure(reader for readers in by_stage.values() for reader in readers)
            oldest = await self._meter.oldest(lags)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("what waits on Kafka is not known", error=f"{type(error).__name__}: {error}")
            return None
        seen: list[dict[str, Any]] = []
        for (lane, stage), readers in by_stage.items():
            first = min((oldest[reader] for reader in readers if reader in oldest), default=None)
            count = sum(lags[reader].unread for reader in readers)
            seen.append({"lane": str(lane), "stage": stage, "count": count, "oldest_at": first and rfc3339(first)})
        return seen
