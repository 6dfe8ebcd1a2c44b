"""A back-fill: events from before an endpoint was there, or asked for their type, are read from their topics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aiokafka import ConsumerRecord

from services.webhooks.handlers import ACCEPTED
from services.webhooks.rules import Job, Subscription, jobs_of
from services.webhooks.store.deliveries import Deliveries
from services.webhooks.store.jobs import Jobs
from services.webhooks.store.tasks import Tasks
from services.webhooks.tasks.runner import FULL_SECONDS, Room, Turn
from services.webhooks.tasks.task import Task, TaskKind
from shared.contracts.entities import Endpoint
from shared.contracts.events import Event, accepted_event
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, Lane, accepted
from shared.failpoints import reach
from shared.kafka.reading import Offsets, read_topics
from shared.mongo.erasures import KnownErasures
from shared.settings import SharedSettings

DECODED_AT_ONCE = 200


class Backfill:
    """Reads the topics with a consumer of its own; `queued` is called when some deliveries have come due.

    `settle` is how long after it was asked for it ends at the earliest: what occurred before that and is published
    late belongs to it, as nobody else asks for it.
    """

    kind = TaskKind.BACKFILL

    def __init__(
        self,
        settings: SharedSettings,
        tasks: Tasks,
        jobs: Jobs,
        deliveries: Deliveries,
        known: KnownErasures,
        room: Room,
        queued: Callable[[], None],
        settle: timedelta,
    ) -> None:
        self._settings = settings
        self._tasks = tasks
        self._jobs = jobs
        self._deliveries = deliveries
        self._known = known
        self._room = room
        self._queued = queued
        self._settle = settle
        self._accepted = frozenset(settings.topic(accepted(lane)) for lane in Lane)

    async def work(self, task: Task, endpoint: Endpoint, turn: Turn) -> float | None:
        now = datetime.now(UTC)
        types = frozenset(task.events or endpoint.events)
        topics = [EVENTS, *(accepted(lane) for lane in Lane if ACCEPTED in types)]
        position = {(topic, partition): offset for topic, partition, offset in task.position or ()}
        begun = set(task.batch["ids"] if task.batch else ())
        async with aclosing(read_topics(self._settings, topics, task.since, position)) as batches:
            async for records in batches:
                await self._known.fresh()
                for some, jobs in self._matched(task, types, records):
                    if jobs and not await self._room.find(task.endpoint_id, turn):
                        return 0.0 if turn.over else FULL_SECONDS
                    queued = await self._insert(task, jobs, begun)
                    _advance(position, some)
                    place = [[topic, partition, offset] for (topic, partition), offset in position.items()]
                    if not await self._tasks.go_on(task, place, queued=queued, read=len(some), left=sorted(begun)):
                        return None
                if turn.over:
                    return 0.0
        if now < task.until + self._settle:
            return (task.until + self._settle - now).total_seconds()
        await self._tasks.end(task)
        return None

    def _matched(
        self, task: Task, types: frozenset[str], records: Sequence[ConsumerRecord]
    ) -> Iterator[tuple[Sequence[ConsumerRecord], list[Job]]]:
        """The records in their order, as many at a time as make the jobs that there is room for, or are decoded without
        holding up the process."""
        subscription, workspace = task.subscription(types), task.workspace_id.encode()
        jobs: list[Job] = []
        begun = decoded = 0
        for place, record in enumerate(records, 1):
            # most records are other workspaces', and not decoded
            if workspace in (record.value or b""):
                jobs += self._jobs_of(task, subscription, record)
                decoded += 1
            if len(jobs) >= self._room.some or decoded == DECODED_AT_ONCE or place == len(records):
                yield records[begun:place], jobs
                begun, decoded, jobs = place, 0, []

    def _jobs_of(self, task: Task, subscription: Subscription, record: ConsumerRecord) -> list[Job]:
        """A record that cannot be decoded makes none: it is among the dead letters already, or of a newer Posthorn."""
        try:
            if record.topic in self._accepted:
                event = accepted_event(Message.decode(record.value))
            else:
                event = Event.decode(record.value)
        except ValueError:
            return []
        if event.workspace_id != task.workspace_id or event.occurred_at >= task.until:
            return []
        # the event's own trace has ended: each post is in one of its own
        shown = self._known.event(event)
        made = jobs_of(shown, [subscription], None, datetime.now(UTC), self._settings.pepper_bytes)
        return [replace(job, backfill=task.id) for job in made]

    async def _insert(self, task: Task, jobs: Sequence[Job], begun: set[str]) -> int:
        """Inserts the jobs that are not there yet; returns how many it has made, with those that it had `begun` to make
        before a kill. These leave `begun`; the others are still to come, in another order perhaps."""
        ids = list({job.id: job for job in jobs})
        if not ids or not await self._tasks.begin(task, {"ids": sorted({*ids, *begun})}):
            return 0
        reach("webhooks.backfill_begun", len(ids))
        new = await self._jobs.insert(jobs, datetime.now(UTC))
        reach("webhooks.backfill_queued", len(ids))
        self._queued()
        made = {job.id for job, is_new in zip(jobs, new, strict=True) if is_new}
        again = [id_ for id_ in ids if id_ in begun and id_ not in made]
        begun.difference_update(ids)
        return len(made) + (await self._deliveries.backfilled(task.id, again) if again else 0)


def _advance(position: Offsets, records: Sequence[ConsumerRecord]) -> None:
    for record in records:
        position[record.topic, record.partition] = record.offset + 1
