"""How well a way has worked lately, as a decision needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Of a circuit breaker: `half_open` lets a few messages try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Standing:
    """A transport towards one rollup. `score` is from 0 (fails always) to 1; `why` says in words what lowers it."""

    state: State = State.CLOSED
    score: float = 1.0
    why: str | None = None


class Reputation(StrEnum):
    """Of a sending domain, by its recipients' complaints."""

    GOOD = "good"
    WARNED = "warned"
    POOR = "poor"


UNTROUBLED = Standing()


@dataclass(frozen=True, slots=True)
class Health:
    """What a process knew at one moment. Transports stand by their id and rollup, and by their id alone."""

    towards: Mapping[tuple[str, str], Standing] = field(default_factory=dict)
    altogether: Mapping[str, Standing] = field(default_factory=dict)
    senders: Mapping[tuple[str, str], Reputation] = field(default_factory=dict)

    def standing(self, transport: str, rollup: str | None) -> Standing:
        """The worse of how the transport stands altogether and towards the rollup."""
        whole = self.altogether.get(transport, UNTROUBLED)
        part = self.towards.get((transport, rollup), UNTROUBLED) if rollup is not None else UNTROUBLED
        return whole if part is UNTROUBLED else min(whole, part, key=_worth)

    def reputation(self, workspace_id: str, domain: str) -> Reputation:
        return self.senders.get((workspace_id, domain), Reputation.GOOD)


def _worth(standing: Standing) -> tuple[int, float]:
    return ([State.OPEN, State.HALF_OPEN, State.CLOSED].index(standing.state), standing.score)
