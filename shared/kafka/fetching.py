"""How the batches of each kind of consumer fill: latency against the price of a batch."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings import SharedSettings

LONG_POLL_MS = 500  # of a fetch that any byte ends: the wait costs no latency, an empty answer costs both sides


@dataclass(frozen=True)
class Fetching:
    """How a consumer's fetches fill: `wait_ms` at the broker until `min_bytes` are there.

    The critical lane takes what is there at once; the standard lane may wait for larger, cheaper batches. A batch is
    handled when its newest record is `age` seconds old, where something else makes most of the work needless by then.
    """

    wait_ms: int
    min_bytes: int
    records: int
    age: float = 0.0

    @classmethod
    def for_lane(cls, settings: SharedSettings, *, critical: bool) -> Fetching:
        if critical:
            return cls(LONG_POLL_MS, 1, settings.batch_size)
        return cls(settings.standard_wait_ms, settings.standard_min_bytes, settings.batch_size)

    @classmethod
    def behind(cls, settings: SharedSettings) -> Fetching:
        """For what comes after the mail: events, whose batches may be larger still."""
        return cls(settings.events_wait_ms, settings.events_min_bytes, settings.batch_size)

    @classmethod
    def unhurried(cls, settings: SharedSettings) -> Fetching:
        """For what nobody waits for: configuration, changes, commands."""
        return cls(LONG_POLL_MS, 1, settings.batch_size)
