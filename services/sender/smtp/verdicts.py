"""What a reply, or its absence, means: pure rules (RFC 5321 sections 4.2.1, 4.5.4, 6.1; RFC 3463).

The stage decides first, then the bounce rules; where no rule knows better, the first digit of the basic code says
whether to try again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.sender.bounces.loader import own_rules
from services.sender.bounces.model import Action, Refusal, Rulebook
from services.sender.smtp.outcomes import (
    SUPPRESSING,
    Ambiguous,
    BounceClass,
    Bounced,
    Deferred,
    Delivered,
    Outcome,
    Relayed,
    Scope,
    Stage,
)
from services.sender.smtp.replies import Reply


class Lost(StrEnum):
    """How a conversation ended without a reply that can be read."""

    REFUSED = "connection refused"
    UNREACHABLE = "host unreachable"
    CLOSED = "connection lost"
    TIMEOUT = "timed out"
    MALFORMED = "malformed reply"
    TLS = "TLS failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`transient` says whether to try again, `hard` whether a bounce is for good, `rule` the id of what said so."""

    class_: BounceClass
    hard: bool
    transient: bool
    scope: Scope
    rule: str


_SESSION = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})


def classify(
    stage: Stage,
    code: int | None,
    enhanced: str | None,
    text: str,
    *,
    lost: Lost | None = None,
    relayed: bool = False,
    rollup: str = "",
    rules: Rulebook | None = None,
) -> Verdict:
    """The verdict on a refusal (`code` of 300 or more) or a loss (`code` None) at `stage`.

    `relayed` is True where the peer is a smart host: what it says of the session is the transport's failure, not the
    recipient's. `rollup` is the destination's, for rules of one provider. Without `rules` our own decide; the last of
    them must fit everything.

    Whatever a rule says, a refusal before MAIL only defers, and no address is given up for a refused sender or a 4xx.
    """
    if code is None:
        class_ = BounceClass.CONNECTION
        if lost is Lost.TLS:
            class_ = BounceClass.TLS
        elif lost is Lost.MALFORMED:
            class_ = BounceClass.PROTOCOL
        elif relayed and stage is Stage.CONNECT:
            class_ = BounceClass.ROUTE_DOWN
        return Verdict(class_, False, True, _scope(stage, class_, relayed), f"lost-{stage}")
    rule = (rules or own_rules()).find(Refusal(stage, code, enhanced, text, rollup, relayed))
    assert rule is not None
    transient = stage in _SESSION or rule.action is Action.RETRY or (rule.action is None and code < 500)
    hard = rule.hard and not transient and code >= 500 and not (stage is Stage.MAIL and rule.class_ in SUPPRESSING)
    return Verdict(rule.class_, hard, transient, _scope(stage, rule.class_, relayed), rule.id)


def outcome_of(
    stage: Stage,
    reply: Reply | None,
    *,
    lost: Lost | None = None,
    detail: str = "",
    relayed: bool = False,
    rollup: str = "",
    rules: Rulebook | None = None,
) -> Outcome:
    """The outcome of a conversation that ended at `stage` with `reply`, or with none (`lost`, and what is known of it).

    Without a reply to the final dot nobody knows who owns the message: Ambiguous, whatever the reason was.
    """
    if reply is None:
        text = f"{lost or Lost.CLOSED}: {detail}" if detail else str(lost or Lost.CLOSED)
        verdict = classify(stage, None, None, text, lost=lost, relayed=relayed)
        kind: type[Ambiguous] | type[Deferred] = Ambiguous if stage is Stage.DOT else Deferred
        return kind(stage=stage, text=text, class_=verdict.class_, scope=verdict.scope, rule=verdict.rule)
    if stage is Stage.DOT and reply.positive:
        accepted = Relayed if relayed else Delivered
        return accepted(stage=stage, code=reply.code, enhanced=reply.enhanced, text=reply.text)
    verdict = classify(stage, reply.code, reply.enhanced, reply.text, relayed=relayed, rollup=rollup, rules=rules)
    refused = Deferred if verdict.transient else Bounced
    return refused(
        stage=stage,
        code=reply.code,
        enhanced=reply.enhanced,
        text=reply.text,
        class_=verdict.class_,
        hard=verdict.hard,
        scope=verdict.scope,
        rule=verdict.rule,
    )


def _scope(stage: Stage, class_: BounceClass, relayed: bool) -> Scope:
    if class_ in (BounceClass.ROUTE_DOWN, BounceClass.BLOCK_REPUTATION):
        return Scope.TRANSPORT
    if relayed and (stage in _SESSION or class_ in (BounceClass.THROTTLED, BounceClass.CONNECTION)):
        return Scope.TRANSPORT
    return Scope.RECIPIENT if stage in _SESSION or stage is Stage.RCPT else Scope.MESSAGE
