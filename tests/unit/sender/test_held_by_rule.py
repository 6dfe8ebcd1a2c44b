"""What the router's rules hold or refuse, as the sender takes it."""

from __future__ import annotations

from datetime import timedelta

from services.sender.rules import released, settle_arrival
from services.sender.smtp.outcomes import BounceClass, Deferred
from shared.contracts.events import EventType
from shared.contracts.messages import LastAttempt, Message, VerdictKind
from tests.unit.sender.test_rules import NOW, message, settle, verdict

UNTIL = NOW + timedelta(seconds=60)
LATER = NOW + timedelta(seconds=61)


def held(rule: str = "workspace:h", last: LastAttempt | None = None) -> Message:
    says = verdict(VerdictKind.WAIT_UNTIL, reason="held", detail="they move", until=UNTIL, rule=rule, rule_version=3)
    return message(verdict=says, route=None, last=last)


def test_what_a_rule_holds_is_said_once_for_each_rule_and_burns_no_attempt() -> None:
    first = settle_arrival(held(), NOW)
    assert first is not None
    assert (first.state, first.due_at, first.attempts) == ("deferred", UNTIL, 0)
    assert first.why == "held by the rule workspace:h: they move"
    assert first.event is not None
    assert first.event.type is EventType.QUEUED
    assert {name: first.event.data[name] for name in ("reason", "rule", "detail")} == {
        "reason": "held",
        "rule": "workspace:h",
        "detail": "they move",
    }
    assert first.event.data["verdict"]["rule_version"] == 3
    again = released(held(), 1, 0, first.last, LATER)
    same = settle_arrival(held(last=again.last), LATER)
    other = settle_arrival(held("platform:p", last=again.last), LATER)
    assert same is not None
    assert (same.event, same.due_at) == (None, UNTIL)
    assert other is not None
    assert other.event is not None


def test_what_came_before_a_hold_still_counts_and_an_attempt_after_it_is_said_anew() -> None:
    before = LastAttempt(transport="smart", outcome="451 later", scope="recipient")
    settled = settle_arrival(held(last=before), NOW)
    assert settled is not None
    assert settled.last == before.with_changes(held_by="workspace:h")
    tried = settle(Deferred(text="later", class_=BounceClass.GREYLISTED), message(last=settled.last))
    assert tried.last is not None
    assert tried.last.held_by is None


def test_a_held_message_ends_with_its_life_and_says_what_held_it() -> None:
    waits = settle_arrival(held(), NOW)
    assert waits is not None
    expired = verdict(VerdictKind.EXPIRED, reason="expired")
    ended = settle_arrival(message(verdict=expired, route=None, last=waits.last), NOW)
    assert ended is not None
    assert ended.event is not None
    assert (ended.state, ended.event.type) == ("ended", EventType.FAILED)
    assert ended.event.data["reply"] == "held by the rule workspace:h: they move"


def test_what_a_rule_refuses_fails_and_is_no_bounce() -> None:
    says = verdict(VerdictKind.REJECT, reason="embargo", detail="no mail goes there", rule="platform:no")
    ended = settle_arrival(message(verdict=says, route=None), NOW)
    assert ended is not None
    assert ended.event is not None
    assert ended.event.type is EventType.FAILED
    data = ended.event.data
    assert (data["reason"], data["detail"], data["verdict"]["rule"]) == ("embargo", "no mail goes there", "platform:no")
    assert "class" not in data
    assert "suppress" not in data
