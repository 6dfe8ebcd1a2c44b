"""What a reply comes to, without a conversation around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.sender.bounces.live import Rules
from services.sender.retry import RetrySchedule, in_words
from services.sender.smtp.outcomes import Ambiguous, Bounced, Deferred, Outcome, Stage
from services.sender.smtp.replies import Reply
from services.sender.smtp.verdicts import outcome_of


@dataclass(frozen=True, slots=True)
class Classification:
    """What becomes of a message after a reply. `retry` says in words when it is tried again."""

    outcome: Outcome
    retry: str

    def to_data(self) -> dict[str, Any]:
        outcome = self.outcome
        return {
            "outcome": str(outcome.type),
            "class": outcome.class_ and str(outcome.class_),
            "rule": outcome.rule,
            "hard": outcome.hard,
            "retry": self.retry,
            "suppresses": isinstance(outcome, Bounced) and outcome.suppresses,
        }


def classification(reply: Reply, stage: Stage, provider: str, relayed: bool, rules: Rules) -> Classification:
    """Pure: the verdict that the sender would come to."""
    outcome = outcome_of(stage, reply, relayed=relayed, rollup=provider, rules=rules.book)
    retry = "no"
    if isinstance(outcome, Deferred | Ambiguous):
        retry = in_words(RetrySchedule(), outcome)
    return Classification(outcome, retry)
