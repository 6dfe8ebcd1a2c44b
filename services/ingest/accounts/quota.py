"""The daily quota of a workspace: recipients accepted from midnight to midnight UTC."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from math import ceil

from services.ingest.store.quota import QuotaLeases
from shared.errors import ProblemError

DAY_SECONDS = 86_400
PARTS = 100


@dataclass(slots=True)
class _Share:
    """What this process may still give out of what it has leased for a day."""

    day: date
    left: int = 0
    leasing: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was counted for one request."""

    share: _Share
    count: int

    def give_back(self) -> None:
        """For a request that was not accepted after all; of a day that is over nothing comes back."""
        self.share.left += self.count


class Quota:
    """Counts recipients against quotas, from blocks that are leased from the database.

    All processes together never give out more than a limit. What a process has leased and not given out when it ends is
    lost for the day: at most `block`, and a hundredth of the limit, for each.
    """

    def __init__(
        self, leases: QuotaLeases, block: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._leases = leases
        self._block = block
        self._now = now
        self._shares: dict[str, _Share] = {}

    async def take(self, workspace_id: str, limit: int | None, count: int) -> Taken | None:
        """Counts `count` recipients; without a limit nothing is counted.

        Raises a 429 problem `quota_exceeded` where so many are not left: none is counted then. Raises PyMongoError.
        """
        if limit is None:
            return None
        share = self._share(workspace_id)
        if share.left < count:
            async with share.leasing:
                await self._fill(workspace_id, share, limit, count)
        share.left -= count
        return Taken(share, count)

    async def _fill(self, workspace_id: str, share: _Share, limit: int, count: int) -> None:
        while share.left < count:
            wanted = max(count - share.left, min(self._block, limit // PARTS))
            leased = await self._leases.lease(workspace_id, share.day, limit, wanted)
            share.left += leased
            if leased < wanted and share.left < count:
                raise self._exceeded(limit)

    def _share(self, workspace_id: str) -> _Share:
        today = self._now().date()
        share = self._shares.get(workspace_id)
        if share is None or share.day != today:
            self._shares = {id_: each for id_, each in self._shares.items() if each.day == today}
            share = self._shares[workspace_id] = _Share(today)
        return share

    def _exceeded(self, limit: int) -> ProblemError:
        now = self._now()
        midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        seconds = max(1, ceil((midnight - now).total_seconds()))
        return ProblemError(
            429,
            "quota_exceeded",
            f"This workspace may send to {limit} recipients a day (UTC), and so many are not left of it today.",
            members={"violated-policies": ["day"]},
            headers={
                "Retry-After": str(seconds),
                "RateLimit-Policy": f'"day";q={limit};w={DAY_SECONDS}',
                "RateLimit": f'"day";r=0;t={seconds}',
            },
        )
