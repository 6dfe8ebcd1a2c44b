"""What one event counts for, and what sums of them say: shares and latencies. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from services.router.health.told import Outcome, Told
from shared.contracts.events import EventType

Counts = Counter[str]

ENDINGS: Mapping[str, str] = {
    EventType.DELIVERED: "accepted",
    EventType.RELAYED: "accepted",
    EventType.DEFERRED: "deferred",
    EventType.BOUNCED: "bounced",
    EventType.AMBIGUOUS: "ambiguous",
    EventType.FAILED: "failed",
}
CLASSES: Mapping[str, str] = {"block_reputation": "blocked", "throttled": "throttled"}
TRANSPORTS_OWN = "own"  # neither the recipient's nor the message's failure
UNREACHED = "unreached"  # no connection came to any of the recipient's hosts
FAILED_OVER = "failed_over"  # not by the first tier of the route
BOUNDS_MS = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000)
BUCKETS = (*(f"ms_{bound}" for bound in BOUNDS_MS), "ms_more")
JUDGED = ("attempts", TRANSPORTS_OWN, UNREACHED, "blocked")
"""What breakers are judged by."""
NAMES = (
    "attempts",
    *dict.fromkeys(ENDINGS.values()),
    "hard",
    *CLASSES.values(),
    TRANSPORTS_OWN,
    UNREACHED,
    FAILED_OVER,
    "complained",
    *BUCKETS,
)


def counts_of(told: Told) -> Counts:
    """What an event counts for by name, each once; empty for what says nothing of a way or a sender.

    A bounce without an attempt (of a domain that does not exist, or one that came by mail later) is its sender's alone.
    """
    if told.type == EventType.COMPLAINED:
        return Counter(("complained",))
    ending = ENDINGS.get(told.type)
    attempted = told.data.stage is not None and told.data.route is not None
    if ending is None or not (attempted or ending == "bounced"):
        return Counter()
    names = [ending]
    if ending == "bounced" and told.data.hard:
        names.append("hard")
    return Counter(names + _of_attempt(told.data, ending) if attempted else names)


def _of_attempt(outcome: Outcome, ending: str) -> list[str]:
    names = ["attempts"]
    if outcome.route is not None and outcome.route.failed_over:
        names.append(FAILED_OVER)
    if ending == "accepted":
        return [*names, BUCKETS[bisect_left(BOUNDS_MS, sum(outcome.timings.values()))]]
    if named := CLASSES.get(outcome.class_ or ""):
        names.append(named)
    if outcome.scope == "transport" and outcome.class_ != "block_reputation":
        names.append(TRANSPORTS_OWN)
    if outcome.class_ == "connection" and outcome.stage == "connect":
        names.append(UNREACHED)
    return names


def share(part: int, whole: int) -> float | None:
    """Between 0 and 1, to four digits; None of nothing."""
    return round(part / whole, 4) if whole else None


def latency_ms(counts: Mapping[str, int], quantile: float) -> int | None:
    """How long the attempts took that were accepted, in milliseconds: the bound below which this part of them lies,
    evenly spread between two bounds. None where there were none; what took longer than all bounds counts as the last.
    """
    total = sum(counts.get(name, 0) for name in BUCKETS)
    if not total:
        return None
    wanted, below, lower = quantile * total, 0, 0
    for name, bound in zip(BUCKETS, BOUNDS_MS, strict=False):
        here = counts.get(name, 0)
        if here and below + here >= wanted:
            return round(lower + (bound - lower) * (wanted - below) / here)
        below, lower = below + here, bound
    return BOUNDS_MS[-1]
