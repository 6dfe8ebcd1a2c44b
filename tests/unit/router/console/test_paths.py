"""The path of a stream's ordinary mail, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.router.console.ordinary import ordinary, picked_before
from services.router.console.paths import Path, beset, path_of
from services.router.health import Health, Reputation, Standing, State
from services.router.routes.configuration import Configuration
from services.router.routes.matching import PLATFORM, WORKSPACE, compile_set
from services.router.routes.model import Quarantine, RuleSet, read_set
from shared.contracts.topics import Lane, Stream
from tests.unit.router.test_rules import way

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPEN = Standing(State.OPEN, 0.2, "80% of its attempts failed")
FAILOVER: dict[str, Any] = {"id": "f", "when": {}, "route": [[{"transport": "a"}], [{"transport": "b"}]]}
SPREAD: dict[str, Any] = {
    "id": "s", "name": "Spread", "when": {},
    "route": [[{"transport": "a", "weight": 3}, {"transport": "b", "weight": 1}]],
}  # fmt: skip


def configured(*rules: dict[str, Any], order: tuple[str, ...] = (), **platform: Any) -> Configuration:
    wanted = read_set({"transports": order, "rules": rules})
    ways = {id_: way(id_) for id_ in ("a", "b", "c", "direct")}
    return Configuration(
        1, ways, compile_set(WORKSPACE, 3, wanted), compile_set(PLATFORM, 1, RuleSet.model_validate(platform))
    )


def path(
    known: Configuration, health: Health | None = None, stream: Stream = Stream.PRODUCT, sender: str = "shop.test"
) -> Path:
    message = ordinary("w1", stream, sender, known, health or Health(), NOW)
    return path_of(message, known, health or Health(), [])


def troubled(*ids: str, standing: Standing = OPEN) -> Health:
    return Health(altogether=dict.fromkeys(ids, standing))


@pytest.mark.parametrize(
    ("known", "title", "why"),
    [
        (configured(), "Direct", "as no rule or failover order says otherwise; nothing stands by"),
        (configured(order=("a", "b", "c")), "A", "as the workspace’s failover order says; B and C stand by"),
        (configured(transports=["b"]), "B", "as the platform’s failover order says; nothing stands by"),
        (configured(FAILOVER), "A", "as rule “f” says; B stands by"),
        (configured(SPREAD), "A (75%) and B (25%)", "as rule “Spread” says; nothing stands by"),
        (
            configured(order=("a",), rules=[{"id": "p", "route": [[{"transport": "c"}]]}]),
            "C",
            "as the platform’s rule p says; nothing stands by",
        ),
    ],
)
def test_a_path_says_by_which_way_and_rule(known: Configuration, title: str, why: str) -> None:
    found = path(known)
    assert (found.title, found.why, found.tone, found.state) == (title, why, "good", "Flows")


def test_a_path_fails_over_where_a_breaker_is_open_and_says_why() -> None:
    found = path(configured(FAILOVER), troubled("a"))
    assert (found.title, found.tone, found.state) == ("B", "warn", "Failed over")
    assert [(each.name, each.why) for each in found.aside] == [("A", "its breaker is open: 80% of its attempts failed")]
    assert found.why == "as rule “f” says; nothing stands by"


def test_a_part_is_by_weight_and_health_of_those_that_can_be_used() -> None:
    half = Health(altogether={"a": Standing(State.CLOSED, 0.5, "lately 50%")})
    assert path(configured(SPREAD), half).title == "A (60%) and B (40%)"
    assert path(configured(SPREAD), troubled("a")).title == "B"


def test_all_in_trouble_is_told_as_such() -> None:
    found = path(configured(FAILOVER), troubled("a", "b"))
    assert (found.tone, found.state, len(found.aside)) == ("bad", "In trouble", 2)


def test_what_cannot_be_used_is_no_way() -> None:
    known = configured(FAILOVER)
    off = replace(known, ways={"a": way("a", enabled=False)})
    found = path(off)
    assert (found.tone, found.state, found.title) == ("bad", "No way out", "")
    assert [each.why for each in found.aside] == ["it is disabled", "it is not there any more"]


@pytest.mark.parametrize(
    ("rule", "state", "why"),
    [
        ({"hold": {"reason": "they move"}}, "Waits", "Held by rule “x”: they move"),
        ({"reject": {"reason": "over", "reply": "the shop is closed"}}, "Refused",
         "Refused by rule “x”: over: the shop is closed"),
    ],
)  # fmt: skip
def test_what_stops_it_is_told(rule: dict[str, Any], state: str, why: str) -> None:
    found = path(configured({"id": "x", "when": {}, **rule}))
    assert (found.state, found.why, found.ways) == (state, why, [])


def test_a_rule_may_put_a_stream_into_the_other_lane() -> None:
    known = configured({"id": "l", "when": {"streams": ["product"]}, "lane": "critical"})
    assert path(known).lane is Lane.CRITICAL


def test_a_poor_domains_mail_goes_by_the_quarantine_but_for_the_critical_lane() -> None:
    known = configured(order=("a",), quarantine=Quarantine(pool="c"))
    poor = Health(senders={("w1", "shop.test"): Reputation.POOR})
    assert path(known, poor).title == "C"
    assert "reputation is poor" in path(known, poor).why
    assert path(known, poor, Stream.SECURITY).title == "A"
    assert path(known, poor, sender="other.test").title == "A"


def test_rules_that_take_some_of_it_are_those_that_are_asked_before() -> None:
    rules = read_set(
        {
            "rules": [
                {"id": "tagged", "when": {"tags": ["x"]}, "hold": {"reason": "x"}},
                {"id": "billing", "when": {"streams": ["billing"]}, "hold": {"reason": "x"}},
                {"id": "all", "when": {}, "hold": {"reason": "x"}},
                {"id": "after", "when": {"tags": ["y"]}, "hold": {"reason": "x"}},
            ]
        }
    )
    assert [rule.id for rule in picked_before(rules, Stream.PRODUCT, "workspace:all")] == ["tagged"]
    assert [rule.id for rule in picked_before(rules, Stream.BILLING, "workspace:billing")] == ["tagged"]


def test_a_transport_that_fails_before_its_breaker_opens_is_told() -> None:
    found = beset(path(configured(FAILOVER)), {"a": "3 of 3 attempts failed at the transport itself", "c": "x"})
    assert (found.tone, found.state) == ("warn", "Fails over")
    assert [each.name for each in found.aside] == ["A"]
    assert beset(found, {}) is found
