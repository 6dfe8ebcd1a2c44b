"""Transports as a table shows them: what each is, how it stands, and what became of the workspace's own mail. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.router.console.wording import address_of
from services.router.health import State
from services.router.health.breaker import Breaker, Key
from services.router.health.counts import FAILED_OVER, TRANSPORTS_OWN, Counts, latency_ms

View = Mapping[str, Any]
FAILS = "Fails"
STATES = {
    State.CLOSED: ("good", "Works"),
    State.HALF_OPEN: ("warn", "Is tried again"),
    State.OPEN: ("bad", "Left alone"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A transport's breaker that is not closed; `towards` is a rollup, None for the transport altogether."""

    transport: str
    towards: str | None
    breaker: Breaker

    @property
    def badge(self) -> tuple[str, str]:
        return STATES[self.breaker.state]


@dataclass(frozen=True, slots=True)
class Row:
    """One transport. `counts` are of the workspace's own mail in the time that the table is about."""

    view: View
    address: str
    tone: str
    state: str
    why: str | None
    troubles: Sequence[Trouble]
    counts: Counts

    @property
    def p95(self) -> int | None:
        return latency_ms(self.counts, 0.95)

    @property
    def failed_over(self) -> int:
        """Attempts that it took as a transport before it did not."""
        return self.counts[FAILED_OVER]


def row_of(view: View, breakers: Mapping[Key, Breaker], counts: Counts) -> Row:
    """A row. Of a shared transport's breakers, those by rollup are in it that a workspace may know of: the rollup of
    anybody but a provider may be the name of somebody else's correspondent."""
    altogether = breakers.get((view["id"], None), Breaker((view["id"], None)))
    troubles = [
        Trouble(view["id"], rollup, breaker)
        for (transport, rollup), breaker in sorted(breakers.items(), key=lambda item: item[0][1] or "")
        if transport == view["id"] and rollup is not None and may_be_told(view, rollup)
        and breaker.state is not State.CLOSED
    ]  # fmt: skip
    tone, state, why = _state(view, altogether, troubles, counts)
    return Row(view, address_of(view), tone, state, why, troubles, counts)


def _state(view: View, altogether: Breaker, troubles: Sequence[Trouble], counts: Counts) -> tuple[str, str, str | None]:
    """Tone, state and reason. A few failures open no breaker, but are worth knowing of."""
    if not view["enabled"]:
        return "mute", "Disabled", None
    if altogether.state is not State.CLOSED:
        return *STATES[altogether.state], altogether.why
    own, attempts = counts[TRANSPORTS_OWN], counts["attempts"]
    if own and own >= attempts / 2:
        return "warn", FAILS, f"{own} of {attempts} attempts failed at the transport itself"
    return ("warn", "Works in part", None) if troubles else (*STATES[State.CLOSED], None)


def may_be_told(view: View, rollup: str) -> bool:
    """Whether a workspace may read a rollup's name: its own transport's, or a provider's."""
    return not view["shared"] or ":" not in rollup
