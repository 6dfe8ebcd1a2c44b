"""What one process holds for each endpoint, and what may start or be fetched. Synchronous, fed with `now`."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from services.webhooks.breaker import Breaker, BreakerPolicy
from services.webhooks.pace import Pace
from services.webhooks.rules import Job


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process may do to one endpoint: so many posts at once, and so many begun in a second."""

    concurrency: int
    rate: float


class Lane:
    """One endpoint: the jobs that wait here under our lease, those that run, its limits and its breaker.

    `behind` says that the database holds more due jobs of this endpoint than were fetched.
    """

    def __init__(self, limits: Limits, policy: BreakerPolicy) -> None:
        self.waiting: deque[Job] = deque()
        self.running: dict[str, Job] = {}
        self.breaker = Breaker(policy)
        self.behind = False
        self.limit(limits)

    def limit(self, limits: Limits) -> None:
        self.limits = limits
        self.pace = Pace(limits.rate)

    @property
    def held(self) -> int:
        return len(self.waiting) + len(self.running)

    def has_slot(self, now: float) -> bool:
        return len(self.running) < self.limits.concurrency and self.breaker.permits(now)

    def idle(self, now: float) -> bool:
        """Nothing to remember."""
        return not self.held and not self.behind and self.breaker.untroubled and self.pace.full(now)


class Lanes:
    """Invariants: at most an endpoint's concurrency of its posts run, and no more begin than its rate allows; a lane
    holds at most twice its concurrency, so that the next are here when the first end, and takes at most half of what is
    free, so that some is left for others; the process holds about `limit`; an open breaker holds nothing but its probe.
    `default` are the limits of an endpoint that nothing was told of."""

    def __init__(self, default: Limits, limit: int, policy: BreakerPolicy) -> None:
        self._default = default
        self._limit = limit
        self._policy = policy
        self._lanes: dict[str, Lane] = {}
        self._ids: set[str] = set()

    @property
    def free(self) -> int:
        return max(0, self._limit - len(self._ids))

    @property
    def widest(self) -> int:
        """The largest concurrency of an endpoint that is known here."""
        return max([self._default.concurrency, *(lane.limits.concurrency for lane in self._lanes.values())])

    def lane(self, endpoint_id: str) -> Lane:
        found = self._lanes.get(endpoint_id)
        if found is None:
            found = self._lanes[endpoint_id] = Lane(self._default, self._policy)
        return found

    def limit(self, endpoint_id: str, limits: Limits) -> None:
        """Tells of an endpoint's limits, as they are from now on."""
        lane = self._lanes.get(endpoint_id)
        if limits != (lane.limits if lane else self._default):
            self.lane(endpoint_id).limit(limits)

    def hold(self, endpoint_id: str, until: float) -> list[Job]:
        """Nothing is posted to the endpoint until then; returns the jobs to give back."""
        lane = self.lane(endpoint_id)
        lane.breaker.hold(until)
        return self._empty(lane)

    def lift(self, endpoint_id: str) -> None:
        """Forgets the pause and the failures of an endpoint."""
        if lane := self._lanes.get(endpoint_id):
            lane.breaker = Breaker(self._policy)

    def room(self, endpoint_id: str, now: float) -> int:
        """How many more jobs of an endpoint may be held."""
        lane = self._lanes.get(endpoint_id)
        most = max(1, self.free // 2)
        if lane is None:
            return min(most, 2 * self._default.concurrency)
        if lane.breaker.closed:
            return min(most, max(0, 2 * lane.limits.concurrency - lane.held))
        return 1 if lane.breaker.permits(now) and not lane.held else 0

    def not_fetching(self, now: float) -> list[str]:
        """The endpoints to fetch nothing for: half full ones wait, so that a fetch brings many and not one."""
        return [
            endpoint_id
            for endpoint_id, lane in self._lanes.items()
            if lane.held > lane.limits.concurrency or not self.room(endpoint_id, now)
        ]

    def fetched(self, more: Mapping[str, bool], skipped: Collection[str], now: float) -> None:
        """Notes what a fetch told: whether the database has more, of the endpoints named and of all but `skipped`."""
        for endpoint_id in [id_ for id_ in self._lanes if id_ not in skipped]:
            self._lanes[endpoint_id].behind = more.get(endpoint_id, False)
            self._forget_idle(endpoint_id, now)

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
        while lane.waiting and lane.has_slot(now) and lane.pace.permits(now):
            job = lane.waiting.popleft()
            lane.running[job.id] = job
            lane.breaker.begin()
            lane.pace.begin(now)
            yield job

    def starts_in(self, endpoint_id: str, now: float) -> float | None:
        """Seconds until the endpoint's rate lets the next job start; None where none waits for that alone."""
        lane = self._lanes.get(endpoint_id)
        if lane is None or not lane.waiting or not lane.has_slot(now):
            return None
        return lane.pace.next_at(now) - now

    def ended(self, job: Job, ok: bool | None, now: float, hold: float = 0.0) -> list[Job]:
        """A post has ended (`ok` None: it was not made), and the endpoint asks to be left alone for `hold` seconds.
        Returns the jobs to give back where the endpoint is down."""
        lane = self.lane(job.endpoint_id)
        del lane.running[job.id]
        self._ids.remove(job.id)
        if ok is None:
            lane.breaker.abandoned()
        elif ok:
            lane.breaker.succeeded(now)
        else:
            lane.breaker.failed(now)
        if hold:
            lane.breaker.hold(now + hold)
        given_back = [] if lane.breaker.closed else self._empty(lane)
        self._forget_idle(job.endpoint_id, now)
        return given_back

    def rested(self, endpoint_id: str, waited: float, now: float) -> bool:
        """Whether the endpoint was left alone within those `waited` seconds, or is now."""
        lane = self._lanes.get(endpoint_id)
        return lane is not None and (not lane.breaker.closed or lane.breaker.closed_at > now - waited)

    def wants_more(self, endpoint_id: str, now: float) -> bool:
        """True where the database has more of this endpoint and there is room for a good number."""
        lane = self._lanes.get(endpoint_id)
        if lane is None or not lane.behind or lane.held > lane.limits.concurrency:
            return False
        return self.room(endpoint_id, now) > 0

    def empty(self) -> list[Job]:
        """Takes every waiting job out: the process stops."""
        return [job for lane in self._lanes.values() for job in self._empty(lane)]

    def _empty(self, lane: Lane) -> list[Job]:
        taken = list(lane.waiting)
        lane.waiting.clear()
        lane.behind = lane.behind or bool(taken)
        self._ids.difference_update(job.id for job in taken)
        return taken

    def _forget_idle(self, endpoint_id: str, now: float) -> None:
        if self._lanes[endpoint_id].idle(now):
            del self._lanes[endpoint_id]

    def tokens(self) -> set[str]:
        """The leases of everything held."""
        return {
            job.token
            for lane in self._lanes.values()
            for job in (*lane.waiting, *lane.running.values())
            if job.token is not None
        }
