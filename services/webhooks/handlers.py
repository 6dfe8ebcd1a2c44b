"""Events in, jobs out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.webhooks.dispatch import Dispatcher
from services.webhooks.endpoints import Endpoints
from services.webhooks.event_types import webhook_type
from services.webhooks.rules import Job, Subscription, jobs_of
from services.webhooks.store.jobs import Jobs
from shared.contracts.events import Event, accepted_event
from shared.contracts.messages import Message
from shared.failpoints import reach
from shared.kafka.batch import Incoming
from shared.mongo.due import new_token

ACCEPTED = "email.accepted"


class EventsHandler:
    """Makes jobs of events. A batch costs one query and one insert; a job that finds room goes out at once."""

    def __init__(
        self, endpoints: Endpoints, jobs: Jobs, dispatcher: Dispatcher, lease_seconds: float, pepper: bytes
    ) -> None:
        self._endpoints = endpoints
        self._jobs = jobs
        self._dispatcher = dispatcher
        self._lease_seconds = lease_seconds
        self._pepper = pepper

    async def events(self, batch: list[Incoming[Event]]) -> None:
        """`mail.events`."""
        shown = [(incoming.record, incoming.trace) for incoming in batch if webhook_type(incoming.record)]
        if shown:
            subscriptions = await self._endpoints.subscriptions({event.workspace_id for event, _ in shown})
            await self._insert(_jobs(shown, subscriptions, self._pepper))

    async def accepted(self, batch: list[Incoming[Message]]) -> None:
        """`mail.accepted.*`: each record is its message's `accepted` event, for the endpoints that ask for it."""
        asking = await self._endpoints.subscriptions({incoming.record.workspace_id for incoming in batch}, ACCEPTED)
        wanted = [
            (accepted_event(incoming.record), incoming.trace)
            for incoming in batch
            if incoming.record.workspace_id in asking
        ]
        await self._insert(_jobs(wanted, asking, self._pepper))

    async def _insert(self, jobs: Sequence[Job]) -> None:
        """Inserts the jobs, leased to this process as far as it has room, and hands those to the dispatcher."""
        unique = list({job.id: job for job in jobs}.values())
        if not unique:
            return
        await self._dispatcher.learn({job.endpoint_id for job in unique})
        marked = self._leased(unique)
        # this first length counts on our own clock; the renewals that follow are on the database's
        until = datetime.now(UTC) + timedelta(seconds=self._lease_seconds)
        new = await self._jobs.insert(marked, until)
        reach("webhooks.inserted", sum(new))
        fresh = [job for job, is_new in zip(marked, new, strict=True) if is_new]
        await self._dispatcher.take([job for job in fresh if job.token is not None])
        self._dispatcher.left_behind({job.endpoint_id for job in fresh if job.token is None})

    def _leased(self, jobs: Collection[Job]) -> list[Job]:
        token = new_token()
        room: dict[str, int] = {}
        marked = []
        for job in jobs:
            left = room.get(job.endpoint_id)
            left = self._dispatcher.room(job.endpoint_id) if left is None else left
            room[job.endpoint_id] = left - 1
            marked.append(job.with_token(token) if left > 0 else job)
        return marked


def _jobs(
    events: Sequence[tuple[Event, str | None]],
    subscriptions: Mapping[str | None, Sequence[Subscription]],
    pepper: bytes,
) -> list[Job]:
    now = datetime.now(UTC)
    return [
        job
        for event, trace in events
        for job in jobs_of(event, subscriptions.get(event.workspace_id, ()), trace, now, pepper)
    ]
