"""What the OpenAPI document says of replays."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from services.router.api.schemas import RULE
from services.router.replay.outcome import Action
from shared.contracts.topics import Lane

REPLAY = {"draft": {"rules": [{"id": "receipts", **RULE}]}, "limit": 1000}


class DecisionOutcomeView(BaseModel):
    """What a message had of a decision, and by which rule. `reason` is that of a hold, a refusal or a wait."""

    action: Action
    transport: str | None
    rule: str | None
    lane: Lane
    reason: str | None


class ExplainedDecisionView(DecisionOutcomeView):
    why: str | None


class PastDecisionView(ExplainedDecisionView):
    rule_version: int | None


class DecisionChangeView(BaseModel):
    """So many decisions that were the one would be the other."""

    before: DecisionOutcomeView
    after: DecisionOutcomeView
    count: int


class DecisionSampleView(BaseModel):
    """One decision of a message's pass. `assumed` is what had not been known when it was made: the `health` of a
    transport, which counts as well, or the recipient's mail `hosts`, which count as not found yet."""

    message_id: str
    workspace_id: str
    pass_: int = Field(alias="pass")
    decided_at: str
    before: PastDecisionView
    after: ExplainedDecisionView
    assumed: list[Literal["health", "hosts"]]


class DecisionReplayView(BaseModel):
    """`decisions` were made again from the `records` of events that were read; `truncated` says which bound ended that
    before all were read (then the counts are of a part), null for none. Of the decisions `otherwise` have another
    effect on their messages, and `by_another_rule` the same one; `assumed` of these rest on something that had not been
    known. `unknown` decisions do not say what they were made from. `quarantined` of all come out as the quarantine's,
    for the reputation that their sending domain had then, whatever it has now. `changes` are the most frequent hundred.
    """

    since: str
    until: str
    records: int
    truncated: Literal["limit", "records", "time"] | None
    decisions: int
    otherwise: int
    by_another_rule: int
    assumed: int
    unknown: int
    quarantined: int
    changes: list[DecisionChangeView]
    more_changes: int
    samples: list[DecisionSampleView]
