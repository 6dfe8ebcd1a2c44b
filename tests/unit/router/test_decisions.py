"""What rules, reputation and the DNS together make of a message, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.router.health import Health, Reputation, Standing, State
from services.router.mx import Destination, Finding, pending
from services.router.routes.configuration import Configuration
from services.router.routes.matching import PLATFORM, WORKSPACE, compile_set
from services.router.routes.model import Conditions, Hold, Quarantine, Reject, Rule, RuleSet, Target
from services.router.rules import choose
from shared.contracts.messages import Message, Verdict
from shared.contracts.topics import Lane, Stream
from tests.unit.router.test_rules import FOUND, NOW, WELL, failed, known, message, routed, way

GOOGLE = Destination(Finding.MX, "google")
TO_GOOGLE = Conditions(rollups=["google"])
POOR = Health(senders={("w1", "c.example"): Reputation.POOR})


def with_rules(*rules: Rule, platform: RuleSet | None = None, order: str = "direct") -> Configuration:
    """A workspace with these rules, at version 7, and the transports direct, a and b."""
    workspace = RuleSet(transports=order.split(), rules=list(rules))
    made = replace(known(*order.split()), ways={id_: way(id_) for id_ in ("direct", "a", "b")})
    platform_rules = compile_set(PLATFORM, 5, platform or RuleSet())
    return replace(made, workspace=compile_set(WORKSPACE, 7, workspace), platform=platform_rules)


def to(transport: str, **fields: Any) -> Rule:
    return Rule(**{"id": "r", "name": "R", "route": [[Target(transport=transport)]], **fields})


def verdict_of(out: Message) -> Verdict:
    assert out.route is None
    assert out.verdict is not None
    return out.verdict


def test_a_route_names_its_rule_and_all_that_it_was_made_from() -> None:
    health = Health(altogether={"direct": Standing(State.OPEN, 0.2, "down")})
    rule = to(
        "direct", when=Conditions(tags=["x"]), route=[[Target(transport="direct", weight=2)], [Target(transport="a")]]
    )
    last = failed("b")
    out = routed(message(tags=["x"], attempt=2, last=last), with_rules(rule), GOOGLE, health=health)
    assert out.route is not None
    route = out.route
    assert (route.transport, route.rule, route.rule_version) == ("a", "workspace:r", 7)
    assert route.why == "the breakers of those before it are not closed"
    assert [(each.tier, each.weight) for each in route.candidates] == [(0, 2), (1, 100)]
    assert route.inputs == {
        "workspace_version": 7,
        "rules": {"workspace": 7, "platform": 5},
        "stream": "product",
        "tags": ["x"],
        "sender_domain": "c.example",
        "recipient_domain": "a.example",
        "size": 100,
        "attempt": 2,
        "dns": "mx",
        "rollup": "google",
        "last": {"v": 1, "transport": "b", "outcome": "connection refused", "scope": "transport", "full": []},
        "health": {"direct": {"state": "open", "score": 0.2, "why": "down"}},
    }


def test_the_dns_is_asked_where_a_rule_or_a_transport_needs_it_and_only_there() -> None:
    """A rule that is not come to does not need it."""
    rules = [to("a", id="first", when=Conditions(tags=["x"])), to("b", when=TO_GOOGLE)]
    there = with_rules(*rules, order="a")
    assert choose(message(tags=["x"]), there, WELL, NOW).domain is None
    assert choose(message(), there, WELL, NOW).domain == "a.example"
    assert choose(message(), with_rules(order="a"), WELL, NOW).domain is None
    assert choose(message(), with_rules(order="a direct"), WELL, NOW).domain == "a.example"


@pytest.mark.parametrize(
    ("destination", "taken"),
    [(GOOGLE, "b"), (FOUND, "a"), (Destination(Finding.FAILED, "d:a.example", detail="SERVFAIL"), "a")],
)
def test_a_rule_by_rollup_takes_what_has_it(destination: Destination, taken: str) -> None:
    out = routed(message(), with_rules(to("b", when=TO_GOOGLE), order="a"), destination)
    assert out.route is not None
    assert out.route.transport == taken
    assert out.route.rollup == f"smarthost:{taken}"
    assert out.route.stand_in is False


def test_a_rule_by_rollup_waits_for_the_look_up() -> None:
    there = with_rules(to("b", when=TO_GOOGLE), order="a")
    verdict = verdict_of(routed(message(), there, pending("a.example")))
    assert (verdict.kind, verdict.reason, verdict.until) == ("wait_until", "dns", NOW + timedelta(seconds=1))
    late = routed(message(expires_at=NOW + timedelta(days=1)), there, pending("a.example"), NOW + timedelta(minutes=5))
    assert verdict_of(late).until == NOW + timedelta(minutes=5, seconds=30)
    direct = routed(message(), with_rules(to("direct"), to("b", id="s", when=TO_GOOGLE)), pending("a.example"))
    assert direct.route is not None
    assert direct.route.stand_in is True


def test_a_rule_moves_a_message_to_the_other_lane_for_as_long_as_it_is_there() -> None:
    out = routed(message(), with_rules(Rule(id="quick", lane=Lane.CRITICAL)))
    assert out.route is not None
    assert (out.lane, out.route.rule, out.route.inputs["lane_rule"]) == (Lane.CRITICAL, "default", "workspace:quick")
    again = routed(out.with_changes(pass_=1), with_rules())
    assert again.lane is Lane.STANDARD
    assert routed(message(stream=Stream.SECURITY, lane=Lane.CRITICAL), with_rules()).lane is Lane.CRITICAL


def test_what_a_rule_holds_waits_longer_the_older_it_is_and_no_longer_than_its_life() -> None:
    there = with_rules(Rule(id="h", hold=Hold(reason="they move house")))
    verdict = verdict_of(routed(message(), there))
    assert (verdict.kind, verdict.reason, verdict.detail) == ("wait_until", "held", "they move house")
    assert (verdict.rule, verdict.rule_version) == ("workspace:h", 7)
    assert verdict.inputs is not None
    assert verdict.inputs["recipient_domain"] == "a.example"
    for age, wait in ((0, 60), (599, 60), (1200, 120), (6000, 600), (90_000, 600)):
        now = NOW + timedelta(seconds=age)
        assert verdict_of(routed(message(), there, now=now)).until == now + timedelta(seconds=wait)
    short = message(expires_at=NOW + timedelta(seconds=5))
    assert verdict_of(routed(short, there)).until == NOW + timedelta(seconds=5)


def test_a_hold_with_a_time_is_looked_at_then() -> None:
    until = NOW + timedelta(seconds=20)
    there = with_rules(Rule(id="h", hold=Hold(reason="r", until=until)))
    assert verdict_of(routed(message(), there)).until == until
    assert routed(message(), there, now=until).route is not None


def test_a_rule_refuses_in_its_own_words_and_says_nothing_of_the_recipient() -> None:
    there = with_rules(Rule(id="no", reject=Reject(reason="embargo", reply="no mail goes there")))
    verdict = verdict_of(routed(message(), there))
    assert (verdict.kind, verdict.reason, verdict.detail) == ("reject", "embargo", "no mail goes there")
    assert (verdict.evidence, verdict.rule) == ({}, "workspace:no")


def test_without_a_usable_transport_the_rule_is_told_too() -> None:
    verdict = verdict_of(routed(message(), with_rules(to("gone"))))
    assert (verdict.kind, verdict.rule) == ("no_route", "workspace:r")
    assert verdict.evidence["candidates"][0]["lost"] == "unknown"


@pytest.mark.parametrize(
    ("quarantine", "lane", "health", "rule", "transport"),
    [
        (Quarantine(pool="b"), Lane.STANDARD, POOR, "platform:quarantine", "b"),
        (Quarantine(hold=True), Lane.STANDARD, POOR, "platform:quarantine", None),
        (Quarantine(pool="gone"), Lane.STANDARD, POOR, "platform:quarantine", None),
        (Quarantine(pool="b"), Lane.CRITICAL, POOR, "workspace:r", "a"),
        (Quarantine(pool="b"), Lane.STANDARD, WELL, "workspace:r", "a"),
        (None, Lane.STANDARD, POOR, "workspace:r", "a"),
    ],
)
def test_standard_mail_of_a_domain_of_poor_reputation_is_quarantined(
    quarantine: Quarantine | None, lane: Lane, health: Health, rule: str, transport: str | None
) -> None:
    stream = Stream.SECURITY if lane is Lane.CRITICAL else Stream.PRODUCT
    there = with_rules(to("a"), platform=RuleSet(quarantine=quarantine))
    out = routed(message(lane=lane, stream=stream), there, health=health)
    if transport is not None:
        assert out.route is not None
        assert (out.route.transport, out.route.rule) == (transport, rule)
        assert (out.route.inputs.get("reputation") == "poor") == (health is POOR)
    else:
        assert verdict_of(out).reason == "held"
        assert verdict_of(out).rule == rule
        assert "reputation" in (verdict_of(out).detail or "")


def test_where_the_quarantines_pool_is_disabled_mail_waits() -> None:
    there = with_rules(to("a"), platform=RuleSet(quarantine=Quarantine(pool="b")))
    off = replace(there, ways={**there.ways, "b": way("b", enabled=False)})
    verdict = verdict_of(routed(message(), off, health=POOR))
    assert (verdict.reason, verdict.rule) == ("held", "platform:quarantine")


def test_a_warning_of_reputation_is_only_noted() -> None:
    warned = Health(senders={("w1", "c.example"): Reputation.WARNED})
    there = with_rules(to("a"), platform=RuleSet(quarantine=Quarantine(hold=True)))
    out = routed(message(), there, health=warned)
    assert out.route is not None
    assert (out.route.rule, out.route.inputs["reputation"]) == ("workspace:r", "warned")


def test_what_the_platform_refuses_a_quarantine_does_not_save() -> None:
    platform = RuleSet(rules=[Rule(id="no", reject=Reject(reason="embargo"))], quarantine=Quarantine(pool="b"))
    assert verdict_of(routed(message(), with_rules(platform=platform), health=POOR)).reason == "embargo"
