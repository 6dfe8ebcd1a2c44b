"""Takes what is asked to be done with the queue: durably, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.sender.queue.actions import Action, Options
from services.sender.queue.holds import Hold
from services.sender.queue.jobs import Job
from services.sender.queue.lifting import lift
from services.sender.queue.selection import Selection
from services.sender.store.holds import Holds
from services.sender.store.jobs import Jobs
from shared.mongo.clock import DatabaseClock

MOST_HOLDS = 100
"""Of one workspace, or of the operator, at once: every process looks at all of them before an attempt."""


class TooManyHoldsError(Exception):
    """There are as many holds as one may have."""


class UnknownHoldError(LookupError):
    """No such hold, or somebody else's."""


class Asking:
    """`owner` is the workspace that asks, None for the operator."""

    def __init__(self, holds: Holds, jobs: Jobs, clock: DatabaseClock) -> None:
        self._holds = holds
        self._jobs = jobs
        self._clock = clock

    async def ask(self, job: Job) -> dict[str, Any]:
        """Has any action but a hold and a release done; returns the job's document."""
        return await self._jobs.add(job.as_document() | {"created_at": await self._clock.current()})

    async def hold(
        self, owner: str | None, actor: Mapping[str, str | None], selection: Selection, reason: str,
        until: datetime | None,
    ) -> dict[str, Any]:  # fmt: skip
        """Holds from now on what is selected; raises TooManyHoldsError."""
        if await self._holds.count(owner) >= MOST_HOLDS:
            raise TooManyHoldsError
        job = Job.new(owner, actor, Action.HOLD, selection, Options(reason))
        job = replace(job, options=replace(job.options, holds=(job.id,)))
        now = await self._clock.current()
        # the hold first: it holds, whatever becomes of the job that spreads it over what is there
        await self._holds.add(Hold(job.id, owner, selection, reason, job.by, now, until))
        return await self.ask(job)

    async def release(
        self, owner: str | None, actor: Mapping[str, str | None], selection: Selection, hold: str | None
    ) -> dict[str, Any]:
        """Lifts one hold, or those that name what is selected; raises UnknownHoldError.

        Messages that are named are taken out of the holds that name them.
        """
        own = [each for each in await self._holds.active() if not each.ends and owner in (None, each.owner)]
        if hold is not None:
            lifted = [each for each in own if each.id == hold]
            if not lifted:
                raise UnknownHoldError(hold)
        elif selection.messages is None:
            lifted = [each for each in own if each.selection.messages is None and each.selection.names(selection)]
        else:
            lifted = [each for each in own if (each.selection.messages or frozenset()) & selection.messages]
        job = Job.new(owner, actor, Action.RELEASE, selection, Options(holds=tuple(each.id for each in lifted)))
        # the job first: the upkeep leaves to it what it lifts, and it lifts what we may not come to
        document = await self.ask(job)
        await lift(self._holds, job, document["created_at"])
        return document
