"""Sources: which one a message takes, and how many messages a new one may send on a day. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from services.sender.smtp.targets import family_of
from shared.contracts.messages import IpFamily


@dataclass(frozen=True, slots=True)
class Source:
    """A local address, its name in EHLO (None: the transport's), and its plan where it is warmed up.

    `caps[n]` is the most messages on the n-th day (UTC) from `started_on` on; after the last one there is no limit.
    """

    address: str
    ehlo_name: str | None = None
    started_on: date | None = None
    caps: tuple[int, ...] = ()

    def cap(self, today: date) -> int | None:
        """The most messages of a day, None for no limit; nothing before the plan begins."""
        if self.started_on is None:
            return None
        day = (today - self.started_on).days
        if day < 0:
            return 0
        return self.caps[day] if day < len(self.caps) else None


def sources_of(transport: Mapping[str, Any]) -> tuple[Source, ...]:
    """A transport entity's sources."""
    return tuple(
        Source(
            each["address"],
            each.get("ehlo_name"),
            date.fromisoformat(plan["started_on"]) if (plan := each.get("warmup")) else None,
            tuple(plan["daily_caps"]) if plan else (),
        )
        for each in transport.get("sources") or ()
    )


def choose(message_id: str, sources: Sequence[Source], full: Collection[str]) -> Source | None:
    """The source of a message: always the same of those that are not `full` (addresses), None where all are.

    Rendezvous hashing (Thaler and Ravishankar, 1998): where a source drops out, only its own messages move.
    """
    usable = [source for source in sources if source.address not in full]
    return max(usable, key=lambda source: _weight(message_id, source.address), default=None)


def of_family(sources: Sequence[Source], family: IpFamily | None) -> Sequence[Source]:
    """Those of a family; all where there are none, or none is asked for."""
    return [source for source in sources if family_of(source.address) == family] or sources


def tomorrow(now: datetime) -> datetime:
    """When the next day's caps begin (UTC)."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


def block_of(cap: int) -> int:
    """How many messages of a day's cap a process takes at once. What is left when it is killed is lost for the day."""
    return min(500, max(1, cap // 50))


def _weight(message_id: str, address: str) -> bytes:
    return hashlib.blake2b(f"{message_id} {address}".encode(), digest_size=8).digest()
