"""What one process holds for each endpoint, and what may start or be fetched. Synchronous, fed with `now`."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping

from services.webhooks.breaker import Breaker, BreakerPolicy
from services.webhooks.rules import Job


class Lane:
    """One endpoint: the jobs that wait here under our lease, those that run, and its breaker.

    `behind` says that the database holds more due jobs of this endpoint than were fetched.
    """

    def __init__(self, policy: BreakerPolicy) -> None:
        self.waiting: deque[Job] = deque()
        self.running: dict[str, Job] = {}
        self.breaker = Breaker(policy)
        self.behind = False

    @property
    def held(self) -> int:
        return len(self.waiting) + len(self.running)


class Lanes:
    """Invariants: at most `concurrency` posts of an endpoint run; a lane holds at most twice as many, so that the next
    are here when the first end; the process holds about `limit`; an open breaker holds nothing but its probe."""

    def __init__(self, concurrency: int, limit: int, policy: BreakerPolicy) -> None:
        self._concurrency = concurrency
        self._limit = limit
        self._policy = policy
        self._lanes: dict[str, Lane] = {}
        self._ids: set[str] = set()

    @property
    def free(self) -> int:
        return max(0, self._limit - len(self._ids))

    def lane(self, endpoint_id: str) -> Lane:
        found = self._lanes.get(endpoint_id)
        if found is None:
            found = self._lanes[endpoint_id] = Lane(self._policy)
        return found

    def room(self, endpoint_id: str, now: float) -> int:
        """How many more jobs of an endpoint may be held."""
        lane = self._lanes.get(endpoint_id)
        if lane is None:
            return 2 * self._concurrency
        if lane.breaker.closed:
            return max(0, 2 * self._concurrency - lane.held)
        return 1 if lane.breaker.permits(now) and not lane.held else 0

    def not_fetching(self, now: float) -> list[str]:
        """The endpoints to fetch nothing for: half full ones wait, so that a fetch brings many and not one."""
        return [
            endpoint_id
            for endpoint_id, lane in self._lanes.items()
            if lane.held > self._concurrency or not self.room(endpoint_id, now)
        ]

    def fetched(self, more: Mapping[str, bool], skipped: Collection[str]) -> None:
        """Notes what a fetch told: whether the database has more, of the endpoints named and of all but `skipped`."""
        for endpoint_id in [id_ for id_ in self._lanes if id_ not in skipped]:
            self._lanes[endpoint_id].behind = more.get(endpoint_id, False)
            self._forget_idle(endpoint_id)

    def add(self, job: Job, now: float) -> bool:
        """Holds a job; False where the breaker has opened since there was room for it.

        One that is here already stays as it is: its lease ran out on the way to its end.
        """
        if job.id in self._ids:
            return True
        lane = self.lane(job.endpoint_id)
        if not lane.breaker.closed and (lane.held or not lane.breaker.permits(now)):
            lane.behind = True
            return False
        self._ids.add(job.id)
        lane.waiting.append(job)
        return True

    def starting(self, endpoint_id: str, now: float) -> Iterator[Job]:
        """The jobs of an endpoint that start now; they count as running."""
        lane = self.lane(endpoint_id)
        while lane.waiting and len(lane.running) < self._concurrency and lane.breaker.permits(now):
            job = lane.waiting.popleft()
            lane.running[job.id] = job
            lane.breaker.begin()
            yield job

    def ended(self, job: Job, ok: bool | None, now: float) -> list[Job]:
        """A post has ended (`ok` None: it was not made). Returns the jobs to give back where the endpoint is down."""
        lane = self.lane(job.endpoint_id)
        del lane.running[job.id]
        self._ids.remove(job.id)
        if ok is None:
            lane.breaker.abandoned()
        elif ok:
            lane.breaker.succeeded()
        else:
            lane.breaker.failed(now)
        given_back = [] if lane.breaker.closed else self._empty(lane)
        lane.behind = lane.behind or bool(given_back)
        self._forget_idle(job.endpoint_id)
        return given_back

    def wants_more(self, endpoint_id: str, now: float) -> bool:
        """True where the database has more of this endpoint and there is room for a good number."""
        lane = self._lanes.get(endpoint_id)
        return lane is not None and lane.behind and lane.held <= self._concurrency and self.room(endpoint_id, now) > 0

    def empty(self) -> list[Job]:
        """Takes every waiting job out: the process stops."""
        return [job for lane in self._lanes.values() for job in self._empty(lane)]

    def _empty(self, lane: Lane) -> list[Job]:
        taken = list(lane.waiting)
        lane.waiting.clear()
        self._ids.difference_update(job.id for job in taken)
        return taken

    def _forget_idle(self, endpoint_id: str) -> None:
        lane = self._lanes[endpoint_id]
        if not lane.held and lane.breaker.untroubled and not lane.behind:
            del self._lanes[endpoint_id]

    def tokens(self) -> set[str]:
        """The leases of everything held."""
        return {
            job.token
            for lane in self._lanes.values()
            for job in (*lane.waiting, *lane.running.values())
            if job.token is not None
        }
