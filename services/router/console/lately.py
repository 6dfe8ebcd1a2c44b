"""What a workspace's mail came to lately, read once for all who look at it."""

from __future__ import annotations

from datetime import UTC, datetime

from services.router.console.series import HOUR, RANGES, Range
from services.router.health.role import HealthRoom
from services.router.health.store.hours import WINDOW
from services.router.health.store.sent import Sent
from shared.ttl_cache import TtlCache

SENT_SECONDS, DOMAIN_SECONDS = 5.0, 60.0
AT_ONCE = 4
LARGEST = 1000
MOST_DOMAINS = 1000


class Lately:
    """Sums of slots and hours, a few seconds old at most."""

    def __init__(self, room: HealthRoom) -> None:
        self._room = room
        self._sent: TtlCache[tuple[str, str], list[Sent]] = TtlCache(self._read, at_once=AT_ONCE, largest=LARGEST)
        self._domain: TtlCache[str, str] = TtlCache(self._busiest, at_once=AT_ONCE, largest=LARGEST)

    async def sent(self, workspace_id: str, over: Range) -> list[Sent]:
        """A workspace's mail by transport and step."""
        return await self._sent.get((workspace_id, over.name))

    async def busiest_domain(self, workspace_id: str) -> str | None:
        """The sending domain that most of a workspace's mail of the last days is from."""
        return await self._domain.get(workspace_id) or None

    async def close(self) -> None:
        await self._sent.close()
        await self._domain.close()

    async def _read(self, key: tuple[str, str]) -> tuple[list[Sent], float]:
        workspace_id, over = key[0], RANGES[key[1]]
        since = over.moments(datetime.now(UTC))[0]
        if over is HOUR:
            return await self._room.slots.of_workspace(workspace_id, since, 1), SENT_SECONDS
        hours = round(over.step.total_seconds() / 3600)
        return await self._room.hours.over_time(workspace_id, since, hours), SENT_SECONDS

    async def _busiest(self, workspace_id: str) -> tuple[str, float]:
        since = datetime.now(UTC) - WINDOW
        found = await self._room.hours.of_workspace(workspace_id, since, limit=MOST_DOMAINS)
        busiest = max(found, key=lambda each: each[1]["attempts"], default=("", None))
        return busiest[0], DOMAIN_SECONDS
