"""Health as callers read it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.router.health.breaker import Breaker, Key
from services.router.health.counts import TRANSPORTS_OWN, Counts, latency_ms, share
from services.router.health.reputation import Thresholds
from services.router.health.slots import OTHERS, Span, summed
from services.router.health.standing import State
from services.router.health.store.reputations import Standing
from shared.contracts.record import rfc3339

MOST_ROLLUPS = 50


def breaker_view(breaker: Breaker) -> dict[str, Any]:
    return {
        "state": breaker.state,
        "since": _time(breaker.since),
        "until": _time(breaker.until),
        "why": breaker.why,
        "by": breaker.by,
    }


def window_view(counts: Counts, length: timedelta) -> dict[str, Any]:
    attempts = counts["attempts"]
    shares = {name: share(counts[name], attempts) for name in ("accepted", "deferred", "bounced", "blocked")}
    shares |= {
        "throttled": share(counts["throttled"], attempts),
        "failed_itself": share(counts[TRANSPORTS_OWN], attempts),
    }
    return {
        "seconds": round(length.total_seconds()),
        "attempts": attempts,
        "shares": shares,
        "latency_ms": {"p50": latency_ms(counts, 0.5), "p95": latency_ms(counts, 0.95)},
    }


def whole_view(
    transport: str,
    spans: list[Span],
    breakers: Mapping[Key, Breaker],
    lengths: Iterable[timedelta],
    now: datetime,
    *,
    shared: bool,
) -> dict[str, Any]:
    """A transport with everything that was counted of it, and its busiest destinations."""
    sums = {length: summed(spans, now - length) for length in lengths}
    rollups: Counter[str] = Counter()
    for ways in sums.values():
        rollups.update({rollup: way.counts["attempts"] for (_, rollup), way in ways.items() if way.kind == "direct"})
    rollups.update({key[1]: 0 for key in breakers if key[1] is not None})

    def counted(ways: Mapping[Any, Any], rollup: str | None) -> Counts:
        found = (way.counts for (_, each), way in ways.items() if rollup in (None, each))
        return sum(found, Counter())

    def windows(rollup: str | None) -> list[dict[str, Any]]:
        return [window_view(counted(ways, rollup), length) for length, ways in sums.items()]

    closed = [rollup for rollup, _ in rollups.most_common() if _state(breakers, transport, rollup) is State.CLOSED]
    named = [rollup for rollup in rollups if rollup not in closed] + [each for each in closed if each != OTHERS]
    return {
        "id": transport,
        "shared": shared,
        "breaker": breaker_view(breakers.get((transport, None), Breaker((transport, None)))),
        "mail": "all",
        "windows": windows(None),
        "rollups": [
            {
                "rollup": rollup,
                "breaker": breaker_view(breakers.get((transport, rollup), Breaker((transport, rollup)))),
                "windows": windows(rollup),
            }
            for rollup in named[:MOST_ROLLUPS]
        ],
    }


def own_view(transport: str, counts: Counts, breakers: Mapping[Key, Breaker], length: timedelta) -> dict[str, Any]:
    """A shared transport as one of many who use it may see it: the numbers of its own mail, and of destinations only
    providers. The name of another rollup may be that of somebody else's correspondent."""
    troubled = sorted(
        (rollup, breaker)
        for (_, rollup), breaker in breakers.items()
        if rollup is not None and ":" not in rollup and breaker.state is not State.CLOSED
    )
    return {
        "id": transport,
        "shared": True,
        "breaker": breaker_view(breakers.get((transport, None), Breaker((transport, None)))),
        "mail": "own",
        "windows": [window_view(counts, length)],
        "rollups": [
            {"rollup": rollup, "breaker": breaker_view(breaker), "windows": []} for rollup, breaker in troubled
        ],
    }


def sender_view(domain: str, counts: Counts, standing: Standing) -> dict[str, Any]:
    attempts = counts["attempts"]
    return {
        "domain": domain,
        "reputation": standing.state,
        "since": _time(standing.since),
        "attempts": attempts,
        "accepted": counts["accepted"],
        "bounced": counts["bounced"],
        "complained": counts["complained"],
        "shares": {
            "complained": share(counts["complained"], counts["accepted"]),
            "bounced_hard": share(counts["hard"], counts["accepted"] + counts["bounced"]),
            "deferred": share(counts["deferred"], attempts),
            "blocked": share(counts["blocked"], attempts),
        },
    }


def thresholds_view(thresholds: Thresholds) -> dict[str, Any]:
    names = ("warned", "poor", "complaints", "accepted")
    return {name: getattr(thresholds, name) for name in names}


def _state(breakers: Mapping[Key, Breaker], transport: str, rollup: str) -> State:
    breaker = breakers.get((transport, rollup))
    return breaker.state if breaker else State.CLOSED


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment is not None else None
