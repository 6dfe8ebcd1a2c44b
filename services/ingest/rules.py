"""Pure decisions of the relay and the sweeper, and how long what was accepted is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.ingest.projection.fold import ENDED

KEPT_AFTER = timedelta(days=7)  # submissions and contents, beyond the expiry of their messages


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the sweeper does about one submission: `again` goes to the relay, `expired` gets an `expire` command.

    `next_at` is when to look again where nothing goes to the relay; None with nothing in `again`: all have ended.
    """

    again: tuple[str, ...]
    expired: tuple[str, ...]
    next_at: datetime | None

    @property
    def closes(self) -> bool:
        return not self.again and self.next_at is None


def sweep_of(
    message_ids: Sequence[str],
    heads: Mapping[str, Mapping[str, Any]],
    expires_at: datetime,
    now: datetime,
    wait: timedelta,
) -> Sweep:
    """Compares a submission with the read model. `wait` is how long until the next look."""
    living = {id_: heads.get(id_, {}) for id_ in message_ids if heads.get(id_, {}).get("status") not in ENDED}
    stuck = [id_ for id_, head in living.items() if head.get("status") == "stuck"]
    again = tuple(id_ for id_, head in living.items() if id_ not in stuck and not _has_a_coming_retry(head, now))
    if not living:
        return Sweep((), (), None)
    next_at = now + wait
    if stuck and now < expires_at < next_at:
        next_at = expires_at
    return Sweep(again, tuple(stuck) if now >= expires_at else (), next_at)


def wait_before(sweeps: int, first: float, longest: float) -> timedelta:
    """How long after its publication, or after sweep number `sweeps`, a submission is looked at: doubling."""
    return timedelta(seconds=min(longest, first * 2 ** min(sweeps, 30)))


def _has_a_coming_retry(head: Mapping[str, Any], now: datetime) -> bool:
    next_at = head.get("next_at")
    return head.get("status") == "deferred" and next_at is not None and next_at > now
