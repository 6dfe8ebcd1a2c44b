"""What becomes of a delivery, by table and for every outcome there can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.own_faults import unexpected
from services.sender.retry import RetrySchedule, is_refusal
from services.sender.rules import (
    LONGEST_PARK,
    Settled,
    parked,
    patience,
    released,
    settle_arrival,
    settle_outcome,
)
from services.sender.smtp.outcomes import (
    Ambiguous,
    BounceClass,
    Bounced,
    Deferred,
    Delivered,
    Failed,
    Outcome,
    Relayed,
    Scope,
    Stage,
)
from services.sender.smtp.unreached import OTHER_FAMILY
from shared.contracts.events import TERMINAL, EventType
from shared.contracts.messages import (
    Host,
    LastAttempt,
    Message,
    Route,
    Seen,
    TlsMode,
    Verdict,
    VerdictKind,
)
from tests.fixtures.messages import a_message

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ROUTE = Route(
    transport="direct",
    transport_version=1,
    kind="direct",
    hosts=[Host(name="mx.example")],
    tls=TlsMode.OPPORTUNISTIC,
    rollup="mx:mx.example",
    rule="default",
    rule_version=0,
    candidates=[],
    decided_at=NOW,
)


def message(**changes: Any) -> Message:
    verdict = Verdict(kind=VerdictKind.SEND, by="suppression", checked_at=NOW)
    return a_message(**{"accepted_at": NOW, "message_id": "m1", "route": ROUTE, "verdict": verdict, **changes})


def verdict(kind: VerdictKind, **changes: Any) -> Verdict:
    return Verdict(**{"kind": kind, "by": "router", "checked_at": NOW, **changes})


def settle(outcome: Outcome, one: Message, **changes: Any) -> Settled:
    fields = {"attempt": 1, "ambiguous": 0, "schedule": RetrySchedule(), "rng": Random(1), "now": NOW, **changes}
    return settle_outcome(one, outcome, **fields)


OUTCOMES = st.builds(
    lambda kind, stage, code, class_, hard, scope: kind(stage=stage, code=code, class_=class_, hard=hard, scope=scope),
    st.sampled_from([Delivered, Relayed, Deferred, Bounced, Ambiguous, Failed]),
    st.sampled_from([None, *Stage]),
    st.sampled_from([None, 250, 421, 450, 451, 550, 552, 554]),
    st.sampled_from([None, *BounceClass]),
    st.booleans(),
    st.sampled_from([None, *Scope]),
)


@given(
    outcome=OUTCOMES,
    attempt=st.integers(1, 60),
    ambiguous=st.integers(0, 5),
    age=st.timedeltas(timedelta(0), timedelta(hours=60)),
    policy=st.sampled_from(["retry", "fail"]),
)
def test_every_outcome_ends_a_delivery_or_leaves_it_due(
    outcome: Outcome, attempt: int, ambiguous: int, age: timedelta, policy: str
) -> None:
    one = message(on_ambiguous=policy)
    now = NOW + age
    settled = settle(outcome, one, attempt=attempt, ambiguous=ambiguous, now=now)
    assert settled.event is not None
    assert settled.event.attempt == attempt
    out_of_use = isinstance(outcome, Deferred) and outcome.class_ is BounceClass.ROUTE_DOWN
    assert settled.attempts == (0 if out_of_use and settled.state == "deferred" else 1)
    assert settled.refused == (settled.state == "deferred" and is_refusal(outcome))
    assert settled.ambiguous == isinstance(outcome, Ambiguous)
    assert settled.last is not None
    if settled.state == "ended":
        assert settled.event.type in TERMINAL or settled.event.data["policy"] == "fail"
    else:
        assert isinstance(outcome, Deferred | Ambiguous)
        assert settled.due_at is not None
        assert now < settled.due_at < one.expires_at
        assert datetime.fromisoformat(settled.event.data["next_at"]) == settled.due_at
        assert settled.event.type not in TERMINAL
    if not isinstance(outcome, Deferred | Ambiguous):
        assert (settled.state, settled.event.type) == ("ended", outcome.type)
    if policy == "fail" and isinstance(outcome, Ambiguous):
        assert settled.state == "ended"


def test_ambiguous_attempts_are_limited_however_many_came_before() -> None:
    limit = 2
    states = [settle(Ambiguous(), message(), attempt=9, ambiguous=before).state for before in range(limit + 1)]
    assert states == ["deferred"] * limit + ["ended"]


def test_refusals_are_limited_and_deferrals_before_them_do_not_count() -> None:
    blocked = Deferred(stage=Stage.RCPT, code=554, class_=BounceClass.BLOCK_REPUTATION, text="5.7.1 listed")
    settled = [settle(blocked, message(), attempt=9, refused=before) for before in range(4)]
    assert [(each.state, each.refused) for each in settled] == [("deferred", 1)] * 3 + [("ended", 0)]
    assert settled[-1].event is not None
    assert settled[-1].event.data.items() >= {"code": 554, "hard": False, "suppress": False}.items()


def test_a_smart_host_that_cannot_be_used_burns_no_attempt_and_waits_longer_each_time() -> None:
    down = Deferred(stage=Stage.AUTH, code=535, class_=BounceClass.ROUTE_DOWN, scope=Scope.TRANSPORT)
    even = RetrySchedule(jitter=0)
    waits = []
    for pass_ in range(5):
        settled = settle(down, message(pass_=pass_, attempt=0), attempt=1, schedule=even)
        assert (settled.state, settled.attempts) == ("deferred", 0)
        assert settled.due_at is not None
        waits.append((settled.due_at - NOW).total_seconds() / 60)
    assert waits == [1, 5, 15, 30, 30]
    later = settle(down, message(pass_=7, attempt=7), attempt=8, schedule=even)
    assert later.due_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("last", "data"),
    [
        (None, {"class": "expired", "hard": False}),
        ("451 4.7.1 come back", {"code": 451, "reply": "4.7.1 come back"}),
        ("connection refused", {"reply": "connection refused"}),
    ],
)
@pytest.mark.parametrize("by_verdict", [True, False])
def test_what_has_expired_ends_with_what_was_said_last(
    last: str | None, data: dict[str, Any], by_verdict: bool
) -> None:
    changes: dict[str, Any] = {"verdict": verdict(VerdictKind.EXPIRED)} if by_verdict else {"expires_at": NOW}
    if last is not None:
        changes["last"] = LastAttempt(transport="direct", outcome=last)
    settled = settle_arrival(message(**changes), NOW)
    assert settled is not None
    assert settled.event is not None
    assert settled.event.data.items() >= {"reason": "expired", **data}.items()
    assert "code" in settled.event.data or "code" not in data


def test_what_the_dns_said_is_what_an_untried_message_ends_with() -> None:
    failed = verdict(VerdictKind.WAIT_UNTIL, until=NOW, reason="dns", detail="451 4.4.3 SERVFAIL")
    untried = settle_arrival(message(verdict=failed), NOW)
    assert untried is not None
    assert untried.last == LastAttempt(transport="", outcome="451 4.4.3 SERVFAIL")
    before = LastAttempt(transport="direct", outcome="450 greylisted", scope="recipient")
    tried = settle_arrival(message(verdict=failed, last=before), NOW)
    assert tried is not None
    assert tried.last == before


@pytest.mark.parametrize(
    ("kind", "changes", "type_", "data"),
    [
        (VerdictKind.SUPPRESSED, {"reason": "manual", "scope": "platform"}, "suppressed", {"scope": "platform"}),
        (VerdictKind.NO_ROUTE, {"reason": "no_transport"}, "failed", {"reason": "no_transport"}),
        (VerdictKind.EXPIRED, {}, "failed", {"reason": "expired"}),
        (VerdictKind.REJECT, {"reason": "gate", "detail": "x"}, "failed", {"reason": "gate", "detail": "x"}),
        (VerdictKind.REJECT, {"evidence": {"class": "invalid_domain"}}, "bounced", {"hard": True, "suppress": True}),
        (VerdictKind.REJECT, {"evidence": {"class": "routing_dns"}}, "bounced", {"suppress": False}),
    ],
)
def test_a_verdict_that_ends_a_message(kind: VerdictKind, changes: Any, type_: str, data: dict[str, Any]) -> None:
    settled = settle_arrival(message(verdict=verdict(kind, **changes)), NOW)
    assert settled is not None
    assert settled.event is not None
    assert (settled.state, str(settled.event.type), settled.attempts) == ("ended", type_, 0)
    assert settled.event.data.items() >= data.items()
    assert settled.event.data["verdict"]["kind"] == kind


def test_a_message_that_may_go_is_not_settled() -> None:
    assert settle_arrival(message(), NOW) is None
    assert settle_arrival(message(verdict=None), NOW) is None


@pytest.mark.parametrize(
    ("changes", "reason"), [({"expires_at": NOW}, "expired"), ({"route": None}, "no_route")], ids=["late", "nowhere"]
)
def test_what_cannot_go_any_more_fails(changes: dict[str, Any], reason: str) -> None:
    settled = settle_arrival(message(**changes), NOW)
    assert settled is not None
    assert settled.event is not None
    assert (settled.event.type, settled.event.data["reason"]) == (EventType.FAILED, reason)


def test_a_stand_in_for_the_rollup_waits_for_the_lookup() -> None:
    settled = settle_arrival(message(route=ROUTE.with_changes(stand_in=True, hosts=[])), NOW)
    assert settled is not None
    assert settled.due_at == NOW + timedelta(seconds=1)
    assert settled.event is None


def test_a_wait_is_said_where_it_is_long_and_never_outlasts_the_message() -> None:
    short, long = (parked(message(), NOW, NOW + timedelta(seconds=wait), "dns") for wait in (30, 90))
    assert short.event is None
    assert long.event is not None
    assert (long.event.type, long.event.data["reason"]) == (EventType.QUEUED, "dns")
    assert short.attempts == long.attempts == 0
    one = message(expires_at=NOW + timedelta(seconds=10))
    assert parked(one, NOW, NOW + timedelta(hours=1), "dns").due_at == one.expires_at


def test_what_stays_missing_uses_few_passes() -> None:
    one, now, passes = message(), NOW, 0
    while now < one.expires_at:
        now += patience(one, now)
        passes += 1
    assert passes < 4000
    assert patience(one, NOW) == timedelta(seconds=2)
    assert patience(one, now) == LONGEST_PARK


def test_hosts_of_the_other_family_are_tried_from_another_source_once_and_without_an_attempt() -> None:
    unreached = Deferred(stage=Stage.CONNECT, code=451, rule=OTHER_FAMILY, source="2001:db8::9", scope=Scope.TRANSPORT)
    full = LastAttempt(transport="first", outcome="full", full=["first"])
    again = settle(unreached, message(last=full))
    assert (again.event, again.due_at, again.attempts) == (None, NOW, 0)
    assert again.last is not None
    assert (again.last.scope, again.last.family, again.last.full) == ("recipient", "ipv4", ["first"])
    still = settle(unreached, message(last=again.last))
    assert (still.event is not None, still.attempts) == (True, 1)
    assert still.last is not None
    assert (still.last.scope, still.last.family) == ("transport", "ipv4")
    assert settle(replace(unreached, source="192.0.2.9"), message()).last == LastAttempt(
        transport="direct", outcome="451 ", scope="recipient", family="ipv6"
    )


def test_a_released_message_has_a_new_pass_and_nothing_of_the_old_one() -> None:
    last = LastAttempt(transport="direct", outcome="451 later", scope="recipient")
    again = released(message(), 3, 2, last, NOW)
    assert (again.pass_, again.attempt, again.last) == (3, 2, last)
    assert (again.route, again.verdict) == (None, None)
    assert again.seen == Seen(accepted=NOW, released=NOW)
    assert again.message_id == "m1"


def test_an_error_of_our_own_is_never_taken_for_not_sent() -> None:
    before = settle(unexpected(KeyError("x"), marked=False), message())
    after = settle(unexpected(KeyError("x"), marked=True), message())
    assert before.event is not None
    assert after.event is not None
    assert (before.state, before.event.type) == ("deferred", EventType.DEFERRED)
    assert after.event.type is EventType.AMBIGUOUS
