"""What is wrong with a set of rules, by the place where it stands."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.router.routes.faults import MAX_BYTES, faults_of
from services.router.routes.model import RuleSet, read_set, with_ids

KNOWN = ("direct", "a", "b")
LANE = {"lane": "critical"}
HOLD = {"hold": {"reason": "r"}}
TO_A = {"route": [[{"transport": "a"}]]}


def faults(*rules: dict[str, Any], shared: bool = False, **fields: Any) -> dict[str, str]:
    named = [{"id": f"r{number}", **rule} for number, rule in enumerate(rules)]
    wanted = RuleSet.model_validate({"rules": named, **fields})
    return {fault.pointer: fault.code for fault in faults_of(wanted, KNOWN, shared=shared)}


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([TO_A], {}),
        ([{"lane": "standard"}, TO_A], {}),
        ([{"when": {"tags": ["x"]}, **TO_A}, {"when": {"tags": ["y"]}, **HOLD}, TO_A], {}),
        ([{"id": None, **TO_A}], {"#/rules/0/id": "required"}),
        ([{"id": "x", **LANE}, {"id": "x", **TO_A}], {"#/rules/1/id": "repeated"}),
        ([{"id": "default", **LANE}], {"#/rules/0/id": "reserved"}),
        ([{}], {"#/rules/0": "no_action"}),
        ([{**TO_A, **HOLD}], {"#/rules/0/hold": "one_action"}),
        ([{**HOLD, "reject": {"reason": "r"}}], {"#/rules/0/reject": "one_action"}),
        ([{**HOLD, **LANE}], {"#/rules/0/lane": "one_action"}),
        ([{"when": {"size": {}}, **LANE}], {"#/rules/0/when/size": "empty"}),
        ([{"when": {"attempt": {"at_least": 2, "at_most": 1}}, **LANE}], {"#/rules/0/when/attempt": "empty"}),
        ([{"route": [[{"transport": "c"}]]}], {"#/rules/0/route/0/0/transport": "unknown_transport"}),
        ([{"route": [[{"transport": "a"}], [{"transport": "a"}]]}], {"#/rules/0/route/1/0/transport": "repeated"}),
        ([{"route": [[{"transport": "a", "weight": 0}]]}], {"#/rules/0/route/0": "no_weight"}),
        ([TO_A, {"when": {"tags": ["x"]}, **HOLD}], {"#/rules/1": "unreachable"}),
        ([{"when": {"tags": ["x"]}, **TO_A}, {"when": {"tags": ["x"]}, **HOLD}], {"#/rules/1": "unreachable"}),
        ([LANE, {"hold": {"reason": "r", "until": "2030-01-01T00:00:00Z"}}, TO_A], {}),
    ],
)  # fmt: skip
def test_every_fault_is_named_where_it_stands(rules: list[dict[str, Any]], found: dict[str, str]) -> None:
    assert faults(*rules) == found


@pytest.mark.parametrize(
    ("shared", "quarantine", "found"),
    [
        (False, {"hold": True}, {"#/quarantine": "operator_only"}),
        (True, {}, {"#/quarantine": "one_action"}),
        (True, {"hold": True, "pool": "a"}, {"#/quarantine": "one_action"}),
        (True, {"pool": "c"}, {"#/quarantine/pool": "unknown_transport"}),
        (True, {"pool": "a"}, {}),
    ],
)
def test_a_quarantine_is_the_platforms_and_one_of_two(
    shared: bool, quarantine: dict[str, Any], found: dict[str, str]
) -> None:
    assert faults(shared=shared, quarantine=quarantine) == found


def test_a_failover_order_names_known_transports_once() -> None:
    assert faults(transports=["a", "c", "a"]) == {
        "#/transports/1": "unknown_transport",
        "#/transports/2": "repeated",
    }


def test_a_set_that_no_record_could_hold_is_refused() -> None:
    many = [{"when": {"tags": [f"{number}-{place}" * 8 for place in range(60)]}, **LANE} for number in range(30)]
    assert faults(*many) == {"#": "too_large"}
    assert MAX_BYTES < 64 * 1024


@pytest.mark.parametrize(
    "when",
    [
        {"streams": []}, {"tags": []}, {"recipient_domains": ["no domain"]}, {"sender_domains": ["a.*"]},
        {"size": {"at_least": -1}}, {"attempts": 1}, {"streams": ["post"]},
    ],
)  # fmt: skip
def test_conditions_that_say_nothing_are_refused(when: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RuleSet.model_validate({"rules": [{"id": "x", "when": when, **LANE}]})


def test_a_name_becomes_an_id_and_an_id_a_name() -> None:
    rules = RuleSet.model_validate({"rules": [{"name": "Gmail & Co.: slow!", **LANE}, {"id": "x", **LANE}, LANE]}).rules
    assert [(each.id, each.name) for each in map(with_ids, rules)] == [
        ("gmail-co-slow", "Gmail & Co.: slow!"), ("x", "x"), (None, None),
    ]  # fmt: skip


def test_a_set_is_read_as_it_was_stored_and_as_version_1_was() -> None:
    given = {"transports": ["a"], "rules": [{"id": "x", "name": "x", "when": {"recipient_domains": ["*.Ä.example"]},
             "route": [[{"transport": "b"}]]}], "quarantine": {"pool": "direct"}}  # fmt: skip
    wanted = RuleSet.model_validate(given)
    data = wanted.to_data()
    assert data["uses"] == ["a", "b", "direct"]
    assert data["rules"][0]["when"] == {"recipient_domains": ["*.xn--4ca.example"]}
    assert read_set(data) == wanted
    assert read_set({"v": 1, "transports": ["a"]}) == RuleSet(transports=["a"])
    assert read_set({**data, "of_the_future": 1}) == wanted
