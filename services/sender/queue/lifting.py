"""Lifts holds, and lets go of what is held by holds that are no more: run out, or lifted by a job that is done."""

from __future__ import annotations

from datetime import datetime

from services.sender.queue.jobs import Job
from services.sender.store.changing import Changing
from services.sender.store.holds import Holds
from services.sender.store.jobs import Jobs
from services.sender.store.queue import Queue
from shared.mongo.clock import DatabaseClock

BATCH = 500


async def lift(holds: Holds, job: Job, now: datetime) -> None:
    """Lifts what a release lifts, and takes messages that it names out of holds that name others, too; once more
    changes nothing."""
    named = job.selection.messages
    concerned = [hold for hold in await holds.active() if hold.id in job.options.holds]
    whole = [each for each in concerned if named is None or (each.selection.messages or frozenset()) <= named]
    if whole:
        await holds.lift([each.id for each in whole], job.id, now)
    for each in concerned:
        if named is not None and each not in whole:
            await holds.drop_messages(each.id, sorted(named))


class Lifting:
    """One turn of a loop. A process that has not heard of the end of a hold holds by it for a moment longer: so it is
    what is held that is looked through, and not what was lifted."""

    def __init__(self, queue: Queue, holds: Holds, jobs: Jobs, changing: Changing, clock: DatabaseClock) -> None:
        self._queue = queue
        self._holds = holds
        self._jobs = jobs
        self._changing = changing
        self._clock = clock

    async def turn(self) -> bool:
        """Returns whether more may be left."""
        now = await self._clock.current()
        if over := await self._holds.run_out(now):
            await self._holds.lift(over, None, now)
        holding = await self._queue.holding()
        if not holding:
            return False
        # read after what is held: a hold is there before anything is held by it
        active = {hold.id for hold in await self._holds.active()}
        gone = sorted(set(holding) - active - await self._jobs.lifting())
        if not gone:
            return False
        ids = [each["_id"] for each in await self._queue.held_by(gone, None, BATCH, {"_id": 1})]
        await self._changing.let_go(ids, gone, None)
        return len(ids) == BATCH
