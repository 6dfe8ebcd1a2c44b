"""What this process knows of endpoints in trouble, and tells the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.webhooks.failing import Failing, FailingPolicy
from services.webhooks.store.troubles import Trouble, Troubles

NEAR = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class News:
    """The endpoints to be left alone, each with the end of that, and those of which everything is to be forgotten."""

    held: dict[str, datetime]
    lifted: frozenset[str]


class EndpointHealth:
    """A success is remembered only where it ends a trouble, a failure only where it changes what is known: most posts
    write nothing."""

    def __init__(self, troubles: Troubles, policy: FailingPolicy) -> None:
        self._troubles = troubles
        self._policy = policy
        self._known: dict[str, Trouble] = {}
        self._lifted: dict[str, datetime] = {}

    async def refresh(self) -> News:
        """Learns what other processes know; a lifting is news once."""
        self._known = await self._troubles.all()
        before = self._lifted
        self._lifted = {id_: known.lifted_at for id_, known in self._known.items() if known.lifted_at}
        now = datetime.now(UTC)
        ends = {id_: known.held_until for id_, known in self._known.items() if known.held_until}
        return News(
            {id_: until for id_, until in ends.items() if until > now},
            frozenset(id_ for id_, at in self._lifted.items() if before.get(id_) != at),
        )

    async def hold(self, endpoint_id: str, until: datetime) -> None:
        """The endpoint asks every process to leave it alone until then."""
        known = self._known.get(endpoint_id, Trouble())
        if known.held_until is None or until > known.held_until + NEAR:
            self._known[endpoint_id] = replace(known, held_until=until)
            await self._troubles.hold(endpoint_id, until)

    async def succeeded(self, endpoint_id: str) -> None:
        known = self._known.get(endpoint_id)
        if known is not None and known.failing is not None:
            self._known[endpoint_id] = replace(known, failing=None)
            await self._troubles.recovered(endpoint_id)

    async def failed(self, endpoint_id: str, at: datetime) -> datetime | None:
        """Since when nothing but failures came of the endpoint, where that is long enough to disable it."""
        known = self._known.get(endpoint_id, Trouble())
        failing = self._policy.failed(known.failing, at)
        if failing != known.failing:
            self._known[endpoint_id] = replace(known, failing=failing)
            await self._troubles.set_failing(endpoint_id, known.failing, failing)
        elif self._policy.over(failing, at) and await self._is_so(endpoint_id, failing):
            return failing.first_at
        return None

    async def _is_so(self, endpoint_id: str, failing: Failing) -> bool:
        """What is known here may be over: another process had a success, or its owner has enabled it again."""
        if await self._troubles.is_failing(endpoint_id, failing):
            return True
        self._known.pop(endpoint_id, None)
        return False
