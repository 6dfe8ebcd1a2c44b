"""What may be done with a message in which state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
    BOUNCE = "bounce"
    REROUTE = "reroute"


class Refusal(StrEnum):
    """Why an action left a message as it was."""

    UNDER_WAY = "under_way"
    ON_ITS_WAY = "on_its_way"
    WAITS_FOR_A_CONNECTION = "waits_for_a_connection"
    HELD = "held"
    NOT_HELD = "not_held"
    ENDED = "ended"
    UNKNOWN = "unknown"
    CHANGED = "changed"


STATES: Mapping[Action, tuple[str, ...]] = {
    Action.HOLD: ("waiting", "deferred"),
    Action.RELEASE: ("held",),
    Action.RETRY: ("deferred",),
    Action.BOUNCE: ("waiting", "leased", "deferred", "released", "held"),
    Action.REROUTE: ("waiting", "leased", "deferred", "held"),
}
"""The states in which an action changes a message, in the order in which messages go through them."""
EVERY_STATE = (*STATES[Action.BOUNCE], "ended")


def refusal_of(action: Action, state: str, *, marked: bool) -> Refusal | None:
    """Why a message in this state is left as it is; None where the action may change it.

    `marked` says that the final dot of this pass may have left: from there on nothing but the reply decides.
    """
    if state in STATES[action] and not (state == "leased" and marked):
        return None
    match state:
        case "ended":
            return Refusal.ENDED
        case "leased":
            return Refusal.UNDER_WAY
        case "released":
            return Refusal.ON_ITS_WAY
        case "held":
            return Refusal.HELD
    if action is Action.RELEASE:
        return Refusal.NOT_HELD
    return Refusal.WAITS_FOR_A_CONNECTION


@dataclass(frozen=True, slots=True)
class Options:
    """What an action needs beside its selection: `holds` are the ids that a hold or a release is about, `force` says
    that a retry ends what destinations are left alone or slowed down for."""

    reason: str = ""
    take: str | None = None
    holds: tuple[str, ...] = ()
    force: bool = False

    def as_document(self) -> dict[str, Any]:
        return {"reason": self.reason, "take": self.take, "holds": list(self.holds), "force": self.force}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Options:
        return cls(document["reason"], document["take"], tuple(document["holds"]), document["force"])
