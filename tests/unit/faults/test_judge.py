"""The judge of the fault tests sees each way in which a promise can be broken."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from tests.faults.evidence import Evidence
from tests.faults.judge import judge
from tests.faults.load import MIXED, Accepted, plan

ID, RECIPIENT = "m1", "ok+1@sink.test"
DELIVERED = {"step": "attempt", "event": "delivered", "event_id": "e1", "pass": 0, "ms": 9}
AMBIGUOUS = {"step": "ambiguous", "event": "ambiguous", "event_id": "e0", "pass": 0, "ms": 5}
DEFERRED = {"step": "attempt", "event": "deferred", "event_id": "e2", "pass": 0, "ms": 5}
STAGES: list[dict[str, Any]] = [{"step": name, "ms": 1} for name in ("accepted", "routed", "checked")]
ANSWER = {"step": "webhook", "event_id": "e1", "ok": True, "ms": 11}
GOOD = Evidence(
    answered={ID: Accepted(ID, RECIPIENT)},
    statuses={ID: "delivered"},
    traces={ID: [*STAGES, DELIVERED, ANSWER]},
    copies=Counter({RECIPIENT: 1}),
    webhooks=Counter({(ID, 0): 1, (ID, 80): 1}),
)
RETRIED = replace(
    GOOD,
    traces={ID: [*STAGES, AMBIGUOUS, {**DELIVERED, "pass": 1}, ANSWER, {**ANSWER, "event_id": "e0"}]},
    copies=Counter({RECIPIENT: 2}),
    webhooks=Counter({(ID, 0): 1, (ID, 40): 2, (ID, 180): 1}),
)
# the process that made each attempt died with its outcome: nothing is known but that
GIVEN_UP = replace(
    GOOD,
    statuses={ID: "failed"},
    traces={ID: [*STAGES, AMBIGUOUS, {**AMBIGUOUS, "pass": 1, "event_id": "e1"}, ANSWER, {**ANSWER, "event_id": "e0"}]},
    copies=Counter({RECIPIENT: 2}),
    webhooks=Counter({(ID, 0): 1, (ID, 40): 1, (ID, 140): 1}),
)
ENDINGS = {
    "delivered": GOOD,
    "delivered after an ambiguous attempt": RETRIED,
    "failed after two ambiguous attempts": GIVEN_UP,
    "delivered after an attempt that was cut": replace(RETRIED, cut={(ID, 0)}),
    "failed after two attempts that were cut": replace(GIVEN_UP, cut={(ID, 0), (ID, 1)}),
}


@pytest.mark.parametrize("evidence", ENDINGS.values(), ids=ENDINGS)
def test_a_good_end_is_no_violation(evidence: Evidence) -> None:
    assert judge(evidence).violations == []


@pytest.mark.parametrize(
    ("rule", "evidence"),
    [
        ("lost", replace(GOOD, statuses={})),
        ("accepted twice", replace(GOOD, statuses={ID: "delivered", "m2": "delivered"})),
        ("silent", replace(GOOD, statuses={ID: "deferred"})),
        ("ended otherwise", replace(GOOD, statuses={ID: "failed"})),
        ("ended otherwise", replace(GOOD, answered={ID: Accepted(ID, "permfail+1@sink.test")})),
        ("never arrived", replace(GOOD, copies=Counter())),
        ("twice without an ambiguous event", replace(GOOD, copies=Counter({RECIPIENT: 2}))),
        ("twice without an ambiguous event", replace(RETRIED, copies=Counter({RECIPIENT: 3}))),
        ("twice without an ambiguous event", replace(GOOD, statuses={ID: "bounced"})),
        ("ambiguous and not cut", replace(RETRIED, cut={(ID, 1), ("m2", 0)})),
        ("ambiguous and not cut", replace(GIVEN_UP, cut={(ID, 0)})),
        ("cut and not ambiguous", replace(GOOD, cut={(ID, 0)})),
        ("no webhook", replace(GOOD, webhooks=Counter({(ID, 0): 1}))),
        ("no webhook", replace(GOOD, traces={ID: [*STAGES, DEFERRED, DELIVERED, ANSWER]})),
        ("foreign webhook", replace(GOOD, webhooks=GOOD.webhooks + Counter({("m2", 80): 1}))),
        ("foreign webhook", replace(GOOD, webhooks=GOOD.webhooks + Counter({(ID, 180): 1}))),
        ("trace without", replace(GOOD, traces={ID: [*STAGES[:2], DELIVERED, ANSWER]})),
        ("read model is not what the topics say", replace(GOOD, differing={ID: "head.status"})),
        ("trace without a webhook's 2xx", replace(GOOD, traces={ID: [*STAGES, DELIVERED, {**ANSWER, "ok": False}]})),
    ],
)
def test_each_broken_promise_is_seen_and_named(rule: str, evidence: Evidence) -> None:
    judgement = judge(evidence)
    assert rule in {violation.rule for violation in judgement.violations}
    assert f"{rule}: 1 message(s)" in str(judgement)


def test_a_plan_is_the_same_for_its_seed_and_repeats_no_recipient_and_no_key() -> None:
    first, again, other = (list(islice(plan(seed, MIXED), 500)) for seed in ("1", "1", "2"))
    assert first == again
    assert first != other
    recipients = [each for wanted in first for each in wanted.recipients]
    assert len(set(recipients)) == len(recipients)
    assert len({wanted.key for wanted in first}) == len(first)
    assert {each.partition("+")[0] for each in recipients} == set(MIXED)
