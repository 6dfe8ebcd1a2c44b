"""What waits before the sender owns it: count and oldest by lane and stage, as Kafka tells."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from aiokafka.errors import KafkaError

from shared.contracts.record import rfc3339
from shared.contracts.stages import StageReport
from shared.contracts.topics import STAGE_REPORTS, Lane, accepted, cleared, due, routed
from shared.kafka.lag import LagMeter, Reader
from shared.kafka.reading import read_topics
from shared.settings import SharedSettings

log = structlog.get_logger(__name__)
KEPT_SECONDS = 2.0
KNOWN_SECONDS = 10.0
REPORTS_SECONDS = 10.0  # others wait for what one looks at
REPORTED_WITHIN = timedelta(seconds=60)


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
        self._settings = settings
        self._meter = LagMeter(settings)
        self._looking = asyncio.Lock()
        self._seen: list[dict[str, Any]] | None = None
        self._seen_at = float("-inf")
        self._glance: asyncio.Task[list[dict[str, Any]] | None] | None = None

    async def look(self) -> list[dict[str, Any]] | None:
        """`{lane, stage, count, more, oldest_at}` of each, `count` None where that is not known; None while Kafka does
        not answer."""
        async with self._looking:
            if time.monotonic() - self._seen_at > KEPT_SECONDS:
                self._seen = await self._look()
                self._seen_at = time.monotonic()
            return self._seen

    async def glance(self, seconds: float) -> list[dict[str, Any]] | None:
        """As `look`; where that takes longer, what was seen within KNOWN_SECONDS, and whoever asks next has what it
        saw."""
        if self._glance is None or self._glance.done():
            self._glance = asyncio.create_task(self.look())
        await asyncio.wait((self._glance,), timeout=seconds)
        if self._glance.done():
            return self._glance.result()
        return self._seen if time.monotonic() - self._seen_at <= KNOWN_SECONDS else None

    async def aclose(self) -> None:
        if self._glance is not None:
            self._glance.cancel()
            await asyncio.gather(self._glance, return_exceptions=True)
        await self._meter.close()

    async def _look(self) -> list[dict[str, Any]] | None:
        by_stage = {(lane, stage): readers for lane in Lane for stage, readers in readers_of(lane).items()}
        try:
            lags = await self._meter.measure(reader for readers in by_stage.values() for reader in readers)
            oldest = await self._meter.oldest(lags)
            async with asyncio.timeout(REPORTS_SECONDS):
                reports = await self._reports()
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("what waits on Kafka is not known", error=f"{type(error).__name__}: {error}")
            return None
        seen = [_shown(lane, "outbox", reports.get(lane)) for lane in Lane]
        for (lane, stage), readers in by_stage.items():
            first = min((oldest[reader] for reader in readers if reader in oldest), default=None)
            count = sum(lags[reader].unread for reader in readers)
            entry = {"lane": str(lane), "stage": stage, "count": count, "more": False}
            seen.append({**entry, "oldest_at": first and rfc3339(first)})
        return sorted(seen, key=lambda each: str(each["lane"]))

    async def _reports(self) -> dict[Lane, StageReport]:
        """What the relays said last, where that is not long ago."""
        found: dict[Lane, StageReport] = {}
        async for batch in read_topics(self._settings, [STAGE_REPORTS], datetime.now(UTC) - REPORTED_WITHIN):
            for record in batch:
                with suppress(ValueError):  # of a newer Posthorn: a stage that is not shown here
                    report = StageReport.decode(record.value)
                    found[report.lane] = report
        return found


def _shown(lane: Lane, stage: str, report: StageReport | None) -> dict[str, Any]:
    entry = {"lane": str(lane), "stage": stage}
    if report is None:
        return {**entry, "count": None, "more": False, "oldest_at": None}
    oldest = report.oldest_at
    return {**entry, "count": report.count, "more": report.more, "oldest_at": oldest and rfc3339(oldest)}
