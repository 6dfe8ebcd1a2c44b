"""Posts the jobs that this process holds, many at once, each endpoint for itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType

import structlog

from services.webhooks.attempt_log import AttemptLog
from services.webhooks.delivery import Delivery, Posted
from services.webhooks.lanes import Lanes
from services.webhooks.rules import Job, fair_order
from services.webhooks.settings import Settings
from services.webhooks.store.jobs import Jobs
from services.webhooks.targets import Targets
from services.webhooks.watch import Watch
from shared.failpoints import reach
from shared.telemetry import metrics

log = structlog.get_logger(__name__)
ENDPOINTS_AT_ONCE = 200


class Dispatcher:
    """An async context that owns the posts under way; leaving it waits for them and gives back what has not begun.

    Whatever is held here is leased by this process. A slow endpoint fills its own lane and no other.
    """

    def __init__(
        self,
        settings: Settings,
        jobs: Jobs,
        attempt_log: AttemptLog,
        delivery: Delivery,
        targets: Targets,
        lanes: Lanes,
        watch: Watch,
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._log = attempt_log
        self._delivery = delivery
        self._targets = targets
        self._lanes = lanes
        self._watch = watch
        self._posts: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._looked = False
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Dispatcher:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._wake.set()
        for timer in self._timers.values():
            timer.cancel()
        left = self._lanes.empty()
        if left:
            await self._jobs.give_back(left)
        if self._posts:
            _, late = await asyncio.wait(self._posts, timeout=self._settings.shutdown_seconds)
            for post in late:
                post.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def look_around(self) -> None:
        """Learns which endpoints are to be left alone, as all processes know it, and gives back what waits for them;
        and which are not any more, by their owners' word."""
        given_back: list[Job] = []
        news = await self._watch.news()
        for endpoint_id in news.lifted:
            self._lanes.lift(endpoint_id)
        now, ahead = datetime.now(UTC), time.monotonic()
        for endpoint_id, until in news.held.items():
            given_back += self._lanes.hold(endpoint_id, ahead + (until - now).total_seconds())
        self._looked = True
        if news.lifted:
            self._wake.set()
        if given_back:
            await self._jobs.give_back(given_back)

    async def learn(self, endpoint_ids: Collection[str]) -> None:
        """Learns the limits of endpoints, before it is asked how much room there is for jobs of theirs."""
        for endpoint_id, limits in (await self._targets.limits(endpoint_ids)).items():
            self._lanes.limit(endpoint_id, limits)

    def room(self, endpoint_id: str) -> int:
        """How many more jobs of an endpoint this process takes now."""
        if self._closing.is_set() or not self._looked:
            return 0
        return min(self._lanes.free, self._lanes.room(endpoint_id, time.monotonic()))

    async def take(self, jobs: Sequence[Job]) -> None:
        """Takes jobs leased by this process and starts those that may start; gives back what it cannot hold."""
        await self.learn({job.endpoint_id for job in jobs})  # a lane without jobs may have been forgotten meanwhile
        now = time.monotonic()
        refused = [job for job in jobs if self._closing.is_set() or not self._lanes.add(job, now)]
        for endpoint_id in {job.endpoint_id for job in jobs}:
            self._start(endpoint_id)
        if refused:
            await self._jobs.give_back(refused)

    def left_behind(self, endpoint_ids: set[str]) -> None:
        """Says that the database holds due jobs of these endpoints that this process had no room for."""
        for endpoint_id in endpoint_ids:
            self._lanes.lane(endpoint_id).behind = True

    def look(self) -> None:
        """Says that jobs have come due, which are looked for at once."""
        self._wake.set()

    async def claim(self, stopping: asyncio.Event) -> None:
        """Claims what comes due until the process stops: new turns at once while there is more, else by the clock."""
        await self.look_around()
        while not stopping.is_set() and not self._closing.is_set():
            if await self._claim_due():
                continue
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._settings.webhook_poll_seconds)

    async def _claim_due(self) -> int:
        now = time.monotonic()
        free = self._lanes.free
        if not free:
            return 0
        of_each = self._lanes.widest
        skipped = self._lanes.not_fetching(now)
        due = await self._jobs.due(skipped, ENDPOINTS_AT_ONCE, of_each)
        await self.learn(due)
        room = {endpoint_id: self.room(endpoint_id) for endpoint_id in due}
        chosen = fair_order(due, room, free)
        more = {id_: len(ids) >= min(of_each, room[id_] + 1) for id_, ids in due.items()}
        self._lanes.fetched(more, frozenset(skipped), now)
        if not chosen:
            return 0
        claimed, recovered = await self._jobs.claim(chosen)
        if recovered:
            metrics.LEASES_RECOVERED.labels("webhooks.jobs").inc(recovered)
        await self.take(claimed)
        return len(claimed)

    async def renew(self) -> None:
        await self._jobs.renew(self._lanes.tokens())

    def _start(self, endpoint_id: str) -> None:
        if self._closing.is_set():
            return
        now = time.monotonic()
        for job in self._lanes.starting(endpoint_id, now):
            post = asyncio.create_task(self._run(job), name=job.id)
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)
        wait = self._lanes.starts_in(endpoint_id, now)
        if wait is not None and endpoint_id not in self._timers:
            self._timers[endpoint_id] = asyncio.get_running_loop().call_later(wait, self._start_again, endpoint_id)

    def _start_again(self, endpoint_id: str) -> None:
        del self._timers[endpoint_id]
        self._start(endpoint_id)

    async def _run(self, job: Job) -> None:
        metrics.IN_FLIGHT.labels("webhooks").inc()
        if job.attempt == 0 and job.backfill is None:
            self._count_first(job)
        ok: bool | None = None
        posted: Posted | None = None
        try:
            reach("webhooks.posting")
            posted = await self._delivery.deliver(job)
            reach("webhooks.posted")
            await self._log.keep(posted.end, self._closing)
            ok = posted.ok if posted.end.attempt else None
        except Exception:
            # the lease runs out and the job is posted again
            metrics.LOOP_FAILURES.labels("webhooks.deliver").inc()
            log.exception("webhook not recorded", endpoint=job.endpoint_id, message=job.message_id)
        finally:
            metrics.IN_FLIGHT.labels("webhooks").dec()
            given_back = self._lanes.ended(job, ok, time.monotonic(), posted.hold if posted else 0.0)
        if posted is not None:
            await self._watch.told(job, posted)
        if given_back:
            await self._jobs.give_back(given_back)
        self._start(job.endpoint_id)
        if self._lanes.wants_more(job.endpoint_id, time.monotonic()):
            self._wake.set()

    def _count_first(self, job: Job) -> None:
        waited = (datetime.now(UTC) - (job.occurred_at or job.created_at)).total_seconds()
        rested = self._lanes.rested(job.endpoint_id, waited, time.monotonic())
        endpoint = "resting" if rested else "ready"
        metrics.observe(metrics.WEBHOOK_FIRST_POST, waited, job.trace, job.message_id, endpoint=endpoint)
