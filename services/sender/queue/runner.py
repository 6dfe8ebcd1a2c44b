"""Does the jobs: batch by batch, and after a kill from where that ended."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sender.queue.actions import EVERY_STATE, STATES, Action, Refusal, refusal_of
from services.sender.queue.active import KNOWN_SECONDS
from services.sender.queue.deeds import Deeds
from services.sender.queue.jobs import Job
from services.sender.queue.lifting import lift
from services.sender.store.destinations import Destinations
from services.sender.store.holds import Holds
from services.sender.store.jobs import Jobs
from services.sender.store.queue import Queue

BATCH = 500
AGAIN = ["again"]
"""The position of a job that looks a second time for messages that it did not find."""
ORDERS_KEPT = timedelta(days=8)  # longer than any record lives
NAMES = {"destination": 1, "workspace_id": 1, "job": 1}
FIELDS = {
    **NAMES,
    **dict.fromkeys(("state", "pass", "attempt", "data_sent", "due_at", "record", "trace", "hold"), 1),
}
Left = list[dict[str, str]]


class Runner:
    """Works on one job at a time; any process may, and any goes on with what another has left."""

    def __init__(
        self, jobs: Jobs, queue: Queue, destinations: Destinations, holds: Holds, deeds: Deeds, kept: timedelta
    ) -> None:
        self._jobs = jobs
        self._queue = queue
        self._destinations = destinations
        self._holds = holds
        self._deeds = deeds
        self._kept = kept

    async def turn(self, stopping: asyncio.Event) -> int:
        """Works on a job to its end, or until the process stops; returns how many there were, 0 or 1."""
        document = await self._jobs.claim()
        if document is None:
            return 0
        if document["action"] == Action.RELEASE:
            await lift(self._holds, Job.of(document), datetime.now(UTC))  # who asked may have died before
        if document["action"] in (Action.HOLD, Action.RELEASE) and "position" not in document:
            # the end of a hold's job says that it is in force; who has not heard of a release would hold again
            await asyncio.sleep(KNOWN_SECONDS)
        while not stopping.is_set():
            following = await self._step(document)
            if following is None:
                return 1
            document = {**document, **following}
        await self._jobs.let_go(document)
        return 1

    async def _step(self, document: dict[str, Any]) -> dict[str, Any] | None:
        """One batch; returns what it changed of the job's document, None where nothing is left to do."""
        job, position = Job.of(document), document.get("position")
        if job.options.force and position is None:
            await self._destinations.resume(await self._queue.destinations(job.selection))
        batch = document.get("batch") or await self._next(job, position)
        ids, behind = batch["ids"], batch["behind"]
        if not await self._jobs.begin(document, ids, behind):
            return None
        left = await self._act(job, ids)
        changed = await self._deeds.changed(ids, job.id)
        known = {each["id"] for each in left}
        left += [{"id": id_, "reason": str(Refusal.CHANGED)} for id_ in ids if id_ not in changed | known]
        if behind is None and (missing := await self._missing(job, ids)):
            if job.action is Action.BOUNCE and position != AGAIN:
                now = datetime.now(UTC)
                await self._holds.add(job.order(missing, now, now + ORDERS_KEPT))
                behind = AGAIN
            else:
                left += [{"id": id_, "reason": str(Refusal.UNKNOWN)} for id_ in sorted(missing)]
        return await self._record(document, job, behind, len(changed), left)

    async def _record(
        self, document: dict[str, Any], job: Job, behind: Sequence[Any] | None, changed: int, left: Left
    ) -> dict[str, Any] | None:
        if left:
            await self._jobs.note(document, left)
        counts = Counter(each["reason"] for each in left)
        if behind is None or await self._is_lifted(job):
            await self._jobs.end(document, changed, counts, datetime.now(UTC), self._kept)
            return None
        if not await self._jobs.go_on(document, behind, changed, counts):
            return None
        if behind == AGAIN:
            # by then every process knows of the order, and what comes later is ended by it
            await asyncio.sleep(KNOWN_SECONDS)
        return {"position": behind, "batch": None}

    async def _next(self, job: Job, position: Sequence[Any] | None) -> dict[str, Any]:
        """The ids of the next batch, and the position behind it (None where it is the last one)."""
        behind: Sequence[Any] | None
        by_ids = job.selection.messages is not None
        if job.action is Action.RELEASE and not by_ids:
            after = position[0] if position else None
            found = await self._queue.held_by(job.options.holds, after, BATCH, NAMES)
            behind = [found[-1]["_id"]] if len(found) == BATCH else None
        else:
            states = EVERY_STATE if by_ids else STATES[job.action]
            if job.action is Action.BOUNCE and not by_ids:
                states = (*states, *states)  # what went back to a state meanwhile is found the second time
            place = None if position in (None, AGAIN) else list(position or ())
            found, behind = await self._queue.walk(job.selection, states, place, BATCH, fields=NAMES)
        ids = [each["_id"] for each in found if position != AGAIN or each.get("job") != job.id]
        return {"ids": ids, "behind": behind}

    async def _act(self, job: Job, ids: Sequence[str]) -> Left:
        """Does it to those that it may be done to; returns the others."""
        documents = await self._queue.some(ids, FIELDS)
        allowed: dict[str, Mapping[str, Any]] = {}
        left = []
        for id_, each in documents.items():
            if each.get("job") == job.id:
                continue  # done before a kill
            refusal = refusal_of(job.action, each["state"], marked=each.get("data_sent") == each["pass"])
            if refusal is None and job.action is Action.RELEASE and each["hold"] not in job.options.holds:
                refusal = Refusal.HELD
            if refusal is None:
                allowed[id_] = each
            else:
                left.append({"id": id_, "reason": str(refusal)})
        if allowed:
            await self._deeds.do(job, allowed)
        return left

    async def _missing(self, job: Job, ids: Sequence[str]) -> frozenset[str]:
        """The messages that were asked for by id and have not come here."""
        wanted = (job.selection.messages or frozenset()) - set(ids)
        if not wanted:
            return wanted
        known = await self._queue.some(sorted(wanted), {"workspace_id": 1})
        return wanted - {id_ for id_, each in known.items() if job.selection.workspace in (None, each["workspace_id"])}

    async def _is_lifted(self, job: Job) -> bool:
        """Whether the hold that a job spreads was lifted: what it holds is let go by whoever lifted it."""
        if job.action is not Action.HOLD:
            return False
        return not {hold.id for hold in await self._holds.active()} & set(job.options.holds)
