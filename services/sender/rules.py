"""What becomes of a delivery: pure decisions over the message, the outcome, the clock and the dice."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from services.sender.queue.holds import Hold
from services.sender.retry import RetrySchedule, burns_attempt, given_up, is_refusal, next_due
from services.sender.smtp.outcomes import (
    SUPPRESSING,
    Ambiguous,
    BounceClass,
    Deferred,
    Failed,
    Outcome,
)
from services.sender.smtp.targets import other_family
from services.sender.smtp.unreached import OTHER_FAMILY
from shared.contracts.commands import Command, CommandType
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import LastAttempt, Message, Reroute, Seen, Verdict, VerdictKind
from shared.erasure import is_erased

STAND_IN_WAIT = timedelta(seconds=1)
BEHIND_WAIT = timedelta(seconds=2)
LONGEST_PARK = timedelta(seconds=60)
WARMED_UP = "warm-up: every source of the transport has sent its share of today"
LONG_WAIT = timedelta(seconds=60)
NEW_TRACE_AFTER = timedelta(hours=1)
REPLY_CODE = re.compile("[2-5][0-9]{2}")


@dataclass(frozen=True, slots=True)
class Settled:
    """How a delivery stands after something happened: ended, or deferred until `due_at`, or held by a hold until then.

    `event` is what is said of it, None where nothing is; `attempts`, `ambiguous` and `refused` are added to the
    delivery's counts. `why` is what it waits for where that is no reply.
    """

    event: Event | None
    due_at: datetime | None = None
    attempts: int = 0
    ambiguous: int = 0
    refused: int = 0
    last: LastAttempt | None = None
    hold: str | None = None
    why: str | None = None

    @property
    def state(self) -> str:
        if self.due_at is None:
            return "ended"
        return "deferred" if self.hold is None else "held"


def settle_arrival(message: Message, now: datetime) -> Settled | None:
    """What an arriving message comes to by its verdict alone; None where it is to be sent."""
    verdict = message.verdict
    if verdict is None or verdict.kind is VerdictKind.SEND:
        if message.expires_at <= now:
            return _expired(message, now)
        if message.route is None:
            return _ended(message, EventType.FAILED, now, {"reason": "no_route"})
        if message.route.stand_in:
            return parked(message, now, now + patience(message, now, STAND_IN_WAIT), "dns")
        return None
    reason = verdict.reason or str(verdict.kind)
    if verdict.kind is VerdictKind.WAIT_UNTIL and verdict.rule is not None and reason == "held":
        return _held_by_rule(message, verdict, verdict.rule, now)
    if verdict.kind is VerdictKind.WAIT_UNTIL:
        waits = parked(message, now, verdict.until or now + patience(message, now), reason)
        return replace(waits, last=message.last or _said_by(verdict))
    if verdict.kind is VerdictKind.EXPIRED:
        return _expired(message, now)
    if is_erased(message.recipient):
        return _ended(message, EventType.CANCELED, now, {"reason": reason})
    if verdict.kind is VerdictKind.SUPPRESSED:
        return _ended(message, EventType.SUPPRESSED, now, {"reason": reason, "scope": verdict.scope})
    if verdict.kind is VerdictKind.REJECT and "class" in verdict.evidence:
        suppress = verdict.evidence["class"] in SUPPRESSING
        refused = {**verdict.evidence, "reason": reason, "reply": verdict.detail, "hard": True, "suppress": suppress}
        return _ended(message, EventType.BOUNCED, now, refused)
    return _ended(message, EventType.FAILED, now, {"reason": reason, "detail": verdict.detail})


def parked(message: Message, now: datetime, until: datetime, reason: str) -> Settled:
    """Waits without burning an attempt; said of it only where that takes long. What came before still counts."""
    event = None
    if until - now > LONG_WAIT:
        event = event_of(message, EventType.QUEUED, now, {"reason": reason, "next_at": until.isoformat()})
    return Settled(event, due_at=min(until, message.expires_at), last=message.last, why=reason)


def another_way(message: Message, now: datetime, tomorrow: datetime) -> Settled:
    """Where every source of the transport has sent what its warm-up allows today: the route's next transport that has
    not said so already, else tomorrow. No attempt is burnt."""
    assert message.route is not None
    full = [*(message.last.full if message.last else ()), message.route.transport]
    if any(each.score > 0 and each.transport not in full for each in message.route.candidates):
        last = _last(message, WARMED_UP, "transport").with_changes(full=full)
        return Settled(None, due_at=now, last=last)
    return replace(parked(message, now, tomorrow, WARMED_UP), last=None)


def another_source(message: Message, outcome: Outcome, now: datetime) -> Settled | None:
    """Where its hosts have no address of the family that its source is of: one of the other family, if the transport
    has any, and no attempt is burnt. None where that was tried, or is not what was wrong."""
    if outcome.rule != OTHER_FAMILY or outcome.source is None or (message.last and message.last.family):
        return None
    full = message.last.full if message.last else []
    last = _last(message, _in_words(outcome), "recipient")
    return Settled(None, due_at=now, last=last.with_changes(family=other_family(outcome.source), full=full))


def held_back(message: Message, hold: Hold, now: datetime) -> Settled:
    """Waits until its hold ends, or for the end of its life; no attempt is burnt."""
    data = {"reason": "held", "hold": hold.id, "by": hold.by, "detail": hold.reason, "since": hold.since.isoformat()}
    if hold.until is not None:
        data["until"] = hold.until.isoformat()
    event = event_of(message, EventType.QUEUED, now, data | report(message), occurrence=hold.id)
    return Settled(event, due_at=min(hold.until or message.expires_at, message.expires_at), hold=hold.id, why="held")


def _held_by_rule(message: Message, verdict: Verdict, rule: str, now: datetime) -> Settled:
    """Waits until the router looks at it again; said when a rule begins to hold it, and not at every look."""
    until = min(verdict.until or now + LONGEST_PARK, message.expires_at)
    why = f"held by the rule {rule}: {verdict.detail}"
    last = message.last or LastAttempt(transport="", outcome=why)
    event = None
    if last.held_by != rule:
        data = {"reason": "held", "rule": rule, "detail": verdict.detail, "next_at": until.isoformat()}
        event = event_of(message, EventType.QUEUED, now, data | report(message))
    return Settled(event, due_at=until, last=last.with_changes(held_by=rule), why=why)


def bounced_by_order(message: Message, order: Hold, now: datetime) -> Settled:
    """Ends a message that somebody had asked to end before it came here."""
    return _ended(message, EventType.FAILED, now, {"reason": "bounced", "by": order.by, "detail": order.reason})


def patience(message: Message, now: datetime, least: timedelta = BEHIND_WAIT) -> timedelta:
    """How long to wait for what is missing here: a tenth of the message's age, at most a minute.

    Every wait is a pass. What stays missing for days would otherwise use up more of them than a life has.
    """
    return max(least, min(LONGEST_PARK, (now - message.due_at) / 10))


def settle_outcome(
    message: Message,
    outcome: Outcome,
    now: datetime,
    *,
    attempt: int,
    ambiguous: int,
    schedule: RetrySchedule,
    rng: Random,
    refused: int = 0,
) -> Settled:
    """What an SMTP attempt comes to. `attempt` is its number.

    `ambiguous` is how many before it ended ambiguous, `refused` how many were refused by a 5xx and tried again.
    """
    if (again := another_source(message, outcome, now)) is not None:
        return again
    last = _last(message, _in_words(outcome), _scope(outcome))
    if not isinstance(outcome, Deferred | Ambiguous):
        return _attempted(message, outcome, now, attempt, last)
    is_ambiguous, refusal = isinstance(outcome, Ambiguous), is_refusal(outcome)
    # what burns no attempt waits by the number of passes that have burnt none
    number = attempt if burns_attempt(outcome) else message.pass_ - attempt + 2
    due_at = None
    if not (is_ambiguous and message.on_ambiguous == "fail"):
        due_at = next_due(
            schedule,
            outcome,
            attempt=max(1, number),
            now=now,
            first_due_at=message.due_at,
            expires_at=message.expires_at,
            rng=rng,
            ambiguous=ambiguous + is_ambiguous,
            refused=refused + refusal,
        )
    if due_at is None and isinstance(outcome, Deferred):
        return _attempted(message, given_up(outcome), now, attempt, last)
    more: dict[str, Any] = {"next_at": due_at.isoformat()} if due_at else {}
    if is_ambiguous:
        more["policy"] = "retry" if due_at else "fail"
    settled = _attempted(message, outcome, now, attempt, last, due_at=due_at, more=more)
    return replace(settled, attempts=int(burns_attempt(outcome)), ambiguous=int(is_ambiguous), refused=int(refusal))


def settle_command(command: Command, now: datetime, pass_: int) -> Settled:
    """What a command ends a message with that nobody is delivering, and that is in this pass."""
    message = command.message.with_changes(pass_=pass_)
    match command.type:
        case CommandType.CANCEL:
            return _ended(message, EventType.CANCELED, now, {"reason": command.text or "requested"})
        case CommandType.EXPIRE:
            return _ended(message, EventType.FAILED, now, {"reason": "expired", "class": str(BounceClass.EXPIRED)})
        case CommandType.BOUNCE:
            return _ended(
                message, EventType.FAILED, now, {"reason": "bounced", "by": command.by, "detail": command.text}
            )


def released(
    message: Message, pass_: int, attempt: int, last: LastAttempt | None, now: datetime, wish: Reroute | None = None
) -> Message:
    """The message as it goes back to the router: a new pass, its route and verdict gone.

    A wish for another way holds until an attempt was made by it.
    """
    return message.with_changes(
        reroute=wish or (message.reroute if attempt == message.attempt else None),
        pass_=pass_,
        attempt=attempt,
        last=last,
        route=None,
        verdict=None,
        seen=Seen(accepted=message.seen.accepted, released=now),
    )


def report(message: Message) -> dict[str, Any]:
    """What an event says of its pass: route, verdict, and when each stage saw the message."""
    parts = {"route": message.route, "verdict": message.verdict, "seen": message.seen}
    return {name: part.model_dump(mode="json", exclude_none=True) for name, part in parts.items() if part is not None}


def _said_by(verdict: Verdict) -> LastAttempt | None:
    """What stopped a message that was never tried: the reply it ends with, should it last."""
    return LastAttempt(transport="", outcome=verdict.detail) if verdict.detail else None


def _expired(message: Message, now: datetime) -> Settled:
    """The end of its life, with what was said last (RFC 3463: X.4.7)."""
    data: dict[str, Any] = {"reason": "expired", "class": str(BounceClass.EXPIRED), "hard": False}
    if message.last is not None:
        code, _, text = message.last.outcome.partition(" ")
        data |= {"code": int(code), "reply": text} if REPLY_CODE.fullmatch(code) else {"reply": message.last.outcome}
    return _ended(message, EventType.FAILED, now, data)


def _ended(message: Message, type_: EventType, now: datetime, data: dict[str, Any]) -> Settled:
    said = {name: value for name, value in data.items() if value is not None}
    return Settled(event_of(message, type_, now, said | report(message)))


def _attempted(
    message: Message,
    outcome: Outcome,
    now: datetime,
    attempt: int,
    last: LastAttempt,
    *,
    due_at: datetime | None = None,
    more: dict[str, Any] | None = None,
) -> Settled:
    data = outcome.to_data() | (more or {}) | report(message)
    if isinstance(outcome, Failed):
        data.setdefault("reason", str(outcome.class_) if outcome.class_ else "failed")
    event = event_of(message, outcome.type, now, data, attempt=attempt)
    return Settled(event, due_at, attempts=1, last=last)


def _transport(message: Message) -> str:
    return message.route.transport if message.route else ""


def _last(message: Message, outcome: str, scope: Any) -> LastAttempt:
    family = message.last.family if message.last else None
    return LastAttempt(transport=_transport(message), outcome=outcome, scope=scope, family=family)


def _scope(outcome: Outcome) -> Any:
    return str(outcome.scope) if outcome.scope else None


def _in_words(outcome: Outcome) -> str:
    reply = f"{outcome.code} {outcome.text}" if outcome.code else outcome.text
    return (reply or str(outcome.type))[:200]
