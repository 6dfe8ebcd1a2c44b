"""The clock: leases, tokens and TLS all stand on it. Kafka's protocol tells no time, so its clock is not compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.doctor.findings import Finding, not_seen, warn

MOST_SECONDS, MUCH_SECONDS = 2.0, 0.5
FIX = "Have the machine follow NTP (chrony or systemd-timesyncd), and look at `chronyc tracking` on both."


@dataclass(frozen=True, slots=True)
class Offset:
    """How many seconds another clock is ahead of this one, give or take `unsure`; None where it did not answer."""

    of: str
    seconds: float | None
    unsure: float = 0.0
    failure: str | None = None
    optional: bool = False


def judge(offsets: Sequence[Offset]) -> Iterator[Finding]:
    """What is not certain for the way that the answer took is not told."""
    for each in offsets:
        if each.seconds is None:
            if not each.optional:
                yield from not_seen(each.of, each.failure or "it did not answer")
            continue
        apart = max(0.0, abs(each.seconds) - each.unsure)
        problem = f"is {abs(each.seconds):.1f} s {'ahead of' if each.seconds > 0 else 'behind'} the clock here"
        if apart > MOST_SECONDS:
            yield Finding(each.of, problem, FIX)
        elif apart > MUCH_SECONDS:
            yield warn(each.of, problem, FIX)
