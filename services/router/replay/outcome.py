"""What a decision comes to for its message, in a form that two decisions are compared by. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.contracts.messages import Candidate, Route, Verdict, VerdictKind


class Action(StrEnum):
    """`wait` is for the recipient's mail hosts: their look-up failed, or had not ended."""

    ROUTE = "route"
    HOLD = "hold"
    REJECT = "reject"
    NO_ROUTE = "no_route"
    WAIT = "wait"


ACTIONS = {VerdictKind.REJECT: Action.REJECT, VerdictKind.NO_ROUTE: Action.NO_ROUTE}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reason` is that of a hold or a refusal, `why` says in words what led to it; `rule` is as events name it."""

    action: Action
    lane: str
    rule: str | None
    transport: str | None = None
    reason: str | None = None
    why: str | None = None
    rule_version: int | None = None
    candidates: tuple[Candidate, ...] = ()

    @property
    def effect(self) -> tuple[Any, ...]:
        """What the message has of it."""
        return self.action, self.transport, self.lane, self.reason

    @property
    def identity(self) -> tuple[Any, ...]:
        """What two decisions share that are the same: what the message has of them, and by which rule."""
        return *self.effect, self.rule


def outcome_of(route: Route | None, verdict: Verdict | None, lane: str) -> Outcome:
    """Of a pass that has a route or else a verdict of the router's."""
    if route is not None:
        return Outcome(
            Action.ROUTE, lane, route.rule, route.transport, None, route.why, route.rule_version,
            tuple(route.candidates),
        )  # fmt: skip
    assert verdict is not None
    told = verdict.evidence.get("candidates", ())
    reason = verdict.reason
    if verdict.reason == "held":
        action, reason = Action.HOLD, verdict.detail
    else:
        action = ACTIONS.get(verdict.kind, Action.WAIT)
    return Outcome(
        action, lane, verdict.rule, None, reason, verdict.detail or verdict.reason, verdict.rule_version,
        tuple(Candidate.model_validate(each) for each in told),
    )  # fmt: skip
