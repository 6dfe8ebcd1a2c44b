"""How a lane flows, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.sender.queue.flow import LaneFlow
from shared.console.words import count, span

CRITICAL_SECONDS = 5.0
"""The objective of the critical lane: from acceptance to the first attempt."""
LONG_SECONDS = {"critical": CRITICAL_SECONDS, "standard": 60.0}
NAMES = {"critical": "Password reset and OTP traffic", "standard": "Billing and product mail"}
SHORT_NAMES = {"critical": "Critical", "standard": "Standard"}
STAGES = {"router": "Router", "suppression": "Suppressions", "sender": "Intake"}
STATES = {
    "waiting": "In line",
    "in_flight": "Being sent",
    "deferred": "Deferred",
    "held": "Held",
    "released": "Being routed",
}


@dataclass(frozen=True, slots=True)
class Saying:
    """A lane as its card shows it. `stages` are name, words and tone; `states` are name, state and tally."""

    lane: str
    name: str
    tone: str
    title: str
    why: str
    depth: str
    waited: str
    drains: str
    stages: list[tuple[str, str, str]]
    states: list[tuple[str, str, Mapping[str, Any]]]


def said(flow: LaneFlow) -> Saying:
    tone, title, why = judged(flow)
    behind, long = flow.behind, LONG_SECONDS[flow.lane]
    return Saying(
        flow.lane,
        SHORT_NAMES[flow.lane],
        tone,
        f"{NAMES[flow.lane]} {title}",
        why,
        depth(flow.states),
        span(1000 * flow.waited) if flow.waited is not None else "–",
        rate(flow.per_second),
        [(name, *lag(behind[stage] if behind else None, long)) for stage, name in STAGES.items()],
        [(name, state, flow.states[state]) for state, name in STATES.items()],
    )


def judged(flow: LaneFlow) -> tuple[str, str, str]:
    """The tone, what the lane does, and why: what is worst comes first."""
    long, waiting, held = LONG_SECONDS[flow.lane], flow.states["waiting"], flow.states["held"]
    late = "bad" if flow.lane == "critical" else "warn"
    stage, seconds = max((flow.behind or {}).items(), key=lambda each: each[1], default=("", 0.0))
    if seconds > long:
        return (
            late,
            "is held up before the queue",
            f"{STAGES[stage]}: the next in line came {span(1000 * seconds)} ago.",
        )
    if flow.waited is not None and flow.waited > long:
        return late, "waits too long", f"{first_of(flow.waited, waiting)}. {limit(long)}."
    if flow.waited is not None and flow.waited > long / 2:
        return "warn", "is close to its limit", f"{first_of(flow.waited, waiting)}. {limit(long)}."
    if held["count"]:
        return "warn", "is held in part", f"{counted(held)} held, until the hold is lifted or ends."
    if flow.behind is None:
        return "warn", "cannot be seen as a whole", "Kafka does not say what is on its way to the queue."
    return settled(flow)


def settled(flow: LaneFlow) -> tuple[str, str, str]:
    """A lane in which nothing is late."""
    deferred = flow.states["deferred"]
    again = f"{counted(deferred)} deferred until the next attempt." if deferred["count"] else ""
    if deferred["count"] and not flow.per_second:
        return "calm", "waits for its next attempt", f"Nothing has left in the last minute. {again}"
    line = f"{first_of(flow.waited, flow.states['waiting'])}." if flow.waited is not None else "Nothing waits in line."
    return "good", "drains normally", f"{line} {again}".strip()


def first_of(seconds: float, waiting: Mapping[str, Any]) -> str:
    number = counted(waiting)
    return f"The first of {number} in line has waited {span(1000 * seconds)}"


def limit(seconds: float) -> str:
    return f"It should be tried within {seconds:.0f} s"


def lag(seconds: float | None, long: float) -> tuple[str, str]:
    """How far a stage is behind, and the tone of that."""
    if seconds is None:
        return "not known", "warn"
    if seconds < 1:
        return "up to date", "good"
    return f"{span(1000 * seconds)} behind", "bad" if seconds > long else "calm"


def depth(states: Mapping[str, Mapping[str, Any]]) -> str:
    more = any(tally["more"] for tally in states.values())
    return f"{count(sum(tally['count'] for tally in states.values()))}{'+' if more else ''}"


def counted(tally: Mapping[str, Any]) -> str:
    return f"{count(tally['count'])}{'+' if tally['more'] else ''}"


def rate(per_second: float) -> str:
    """A rate per second, or where that is below one, per minute."""
    if per_second >= 1:
        return f"{per_second:.1f} / s" if per_second < 10 else f"{count(per_second)} / s"
    return f"{per_second * 60:.0f} / min"
