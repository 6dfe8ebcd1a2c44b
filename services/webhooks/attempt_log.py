"""Keeps what became of posts: written in groups, then published on `webhook.events`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

import structlog

from services.webhooks.store.attempts import Attempts
from services.webhooks.store.jobs import JobEnd, Jobs
from shared.contracts.topics import WEBHOOK_EVENTS
from shared.contracts.webhooks import WebhookAttempt
from shared.failpoints import reach
from shared.kafka.faults import is_infrastructure
from shared.kafka.publish import Outgoing, Publisher, PublishUnknownError
from shared.mongo.group_commit import GroupCommit
from shared.mongo.outbox import Outbox
from shared.telemetry import metrics
from shared.telemetry.tracing import trace_headers

log = structlog.get_logger(__name__)
PAUSE, LONGEST_PAUSE = 0.2, 5.0
REMEMBERED = 5_000
AT_ONCE = 500
PUBLISHED_EXCERPT = 1024


def attempt_record(document: Mapping[str, Any]) -> Outgoing:
    """A kept attempt's record, with the beginning of the excerpt that is kept."""
    fields = {name: document[name] for name in _FIELDS if name in document}
    fields["excerpt"] = fields["excerpt"].encode()[:PUBLISHED_EXCERPT].decode(errors="ignore")
    attempt = WebhookAttempt.model_construct(attempt_id=document["_id"], **fields)
    return Outgoing(WEBHOOK_EVENTS, attempt.message_id, attempt.encode(), trace_headers(attempt.trace))


_FIELDS = tuple(name for name in WebhookAttempt.model_fields if name != "attempt_id")


class AttemptLog:
    """`keep` returns when an attempt and its job are durable. Publishing goes on beside it, so that no post waits for
    Kafka; what it misses the sweep finds by the mark in the attempt."""

    def __init__(self, jobs: Jobs, attempts: Attempts, publisher: Publisher) -> None:
        self._jobs = jobs
        self._attempts = attempts
        self._commit: GroupCommit[JobEnd, None] = GroupCommit("webhooks.attempts", self._write)
        self.outbox = Outbox(attempts.collection, publisher, lambda document: [attempt_record(document)])
        self._unpublished: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._news = asyncio.Event()

    async def keep(self, end: JobEnd, stopping: asyncio.Event) -> None:
        """Waits for the database as long as it takes, unless the process stops: the job's lease runs out then."""
        pause = PAUSE
        while True:
            try:
                return await self._commit.submit(end)
            except Exception as error:
                if stopping.is_set() or not is_infrastructure(error):
                    raise
                log.warning("waiting for the database", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _write(self, ends: list[JobEnd]) -> list[None]:
        documents = await self._attempts.keep(ends)
        reach("webhooks.kept", len(documents))
        await self._jobs.finish(ends)
        reach("webhooks.recorded", len(documents))
        self._unpublished.extend(documents)
        self._news.set()
        return [None] * len(ends)

    async def publish(self, stopping: asyncio.Event) -> None:
        """Publishes what is kept, as it comes, until the process stops."""
        stopped = asyncio.ensure_future(stopping.wait())
        try:
            while self._unpublished or not stopping.is_set():
                await self._wait_for_news(stopped)
                await self._publish_some()
        finally:
            stopped.cancel()

    async def _wait_for_news(self, stopped: asyncio.Future[Any]) -> None:
        if self._unpublished:
            return
        self._news.clear()
        news = asyncio.ensure_future(self._news.wait())
        await asyncio.wait((news, stopped), return_when=asyncio.FIRST_COMPLETED)
        news.cancel()

    async def _publish_some(self) -> None:
        some = [self._unpublished.popleft() for _ in range(min(AT_ONCE, len(self._unpublished)))]
        if not some:
            return
        try:
            await self.outbox.publish(some)
        except PublishUnknownError as error:
            log.warning("attempts not published yet", count=len(some), error=str(error))

    async def sweep(self) -> int:
        """Publishes what has stayed unpublished."""
        count = await self.outbox.sweep()
        metrics.UNPUBLISHED.labels("webhooks.attempts").set(count)
        return count
