"""Which rule decides: against an oracle that reads rules as a person does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.routes.matching import PLATFORM, WORKSPACE, Facts, Found, compile_set, facts_of, find
from services.router.routes.model import Bounds, Conditions, Hold, Reject, Rule, RuleSet, Target
from shared.contracts.topics import Lane, Stream
from tests.fixtures.messages import a_message

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EMPTY = RuleSet()
DOMAINS = ("a.example", "b.a.example", "c.b.a.example", "example", "xa.example")
PATTERNS = (*DOMAINS, "*.a.example", "*.example", "*.b.a.example")
ROLLUPS = ("google", "mx:00", "d:a.example")
TAGS = ("x", "X", "y")


def facts(**changes: Any) -> Facts:
    fields: dict[str, Any] = {
        "stream": Stream.PRODUCT, "tags": [], "sender_domain": "s.example", "recipient_domain": "a.example",
        "size": 100, "attempt": 0, "rollup": "mx:00",
    }  # fmt: skip
    return Facts(**{**fields, **changes})


def decided(platform: RuleSet, workspace: RuleSet, about: Facts, last: tuple[str, ...] = ("direct",)) -> Found | None:
    sets = compile_set(PLATFORM, 5, platform), compile_set(WORKSPACE, 7, workspace)
    return find(about, *sets, last, NOW)


def to(transport: str, **fields: Any) -> Rule:
    return Rule(id=transport, name=transport, route=[[Target(transport=transport)]], **fields)


def meets(when: Conditions, about: Facts) -> bool:
    """The oracle: every condition that is given, by the values that it lists."""

    def names(pattern: str, domain: str) -> bool:
        if pattern.startswith("*."):
            return len(domain) > len(pattern) - 1 and domain[-(len(pattern) - 1) :] == pattern[1:]
        return domain == pattern

    def within(bounds: Bounds, number: int) -> bool:
        least = bounds.at_least if bounds.at_least is not None else number
        most = bounds.at_most if bounds.at_most is not None else number
        return least <= number <= most

    held = []
    if when.streams is not None:
        held.append(any(stream == about.stream for stream in when.streams))
    if when.tags is not None:
        held.append(any(tag == other for tag in when.tags for other in about.tags))
    if when.sender_domains is not None:
        held.append(any(names(pattern, about.sender_domain) for pattern in when.sender_domains))
    if when.recipient_domains is not None:
        held.append(any(names(pattern, about.recipient_domain) for pattern in when.recipient_domains))
    if when.rollups is not None:
        held.append(about.rollup in when.rollups)
    if when.size is not None:
        held.append(within(when.size, about.size))
    if when.attempt is not None:
        held.append(within(when.attempt, about.attempt))
    return all(held)


def some_of(values: Any) -> Any:
    return st.none() | st.lists(st.sampled_from(values), min_size=1, max_size=2)


BOUNDS = st.none() | st.builds(Bounds, at_least=st.none() | st.integers(0, 4), at_most=st.none() | st.integers(0, 4))
CONDITIONS = st.builds(
    Conditions, streams=some_of(list(Stream)), tags=some_of(TAGS), sender_domains=some_of(PATTERNS),
    recipient_domains=some_of(PATTERNS), rollups=some_of(ROLLUPS), size=BOUNDS, attempt=BOUNDS,
)  # fmt: skip
FACTS = st.builds(
    Facts, stream=st.sampled_from(list(Stream)), tags=st.lists(st.sampled_from(TAGS), unique=True),
    sender_domain=st.sampled_from(DOMAINS), recipient_domain=st.sampled_from(DOMAINS), size=st.integers(0, 5),
    attempt=st.integers(0, 5), rollup=st.sampled_from(ROLLUPS),
)  # fmt: skip


@given(CONDITIONS, FACTS)
def test_a_rule_is_met_where_all_that_it_asks_for_holds(when: Conditions, about: Facts) -> None:
    found = decided(EMPTY, RuleSet(rules=[to("t", when=when)]), about)
    assert found is not None
    assert (found.rule == "workspace:t") == meets(when, about)


@given(st.lists(CONDITIONS, max_size=4), st.lists(CONDITIONS, max_size=4), FACTS)
def test_the_first_rule_decides_the_platforms_before_the_workspaces(
    ours: list[Conditions], theirs: list[Conditions], about: Facts
) -> None:
    platform = RuleSet(rules=[to(f"p{number}", when=when) for number, when in enumerate(ours)])
    workspace = RuleSet(rules=[to(f"w{number}", when=when) for number, when in enumerate(theirs)])
    met = [f"platform:p{number}" for number, when in enumerate(ours) if meets(when, about)]
    met += [f"workspace:w{number}" for number, when in enumerate(theirs) if meets(when, about)]
    found = decided(platform, workspace, about)
    assert found is not None
    assert found.rule == (met[0] if met else "default")
    assert found.version == (5 if found.rule.startswith("platform") else 7)


@given(st.lists(CONDITIONS, max_size=5), FACTS, st.randoms())
def test_where_rules_stand_that_a_message_does_not_meet_makes_no_difference(
    conditions: list[Conditions], about: Facts, random: Any
) -> None:
    others = [to(f"o{number}", when=when) for number, when in enumerate(conditions) if not meets(when, about)]
    rules = [*others, to("t")]
    random.shuffle(rules)
    found = decided(EMPTY, RuleSet(rules=rules), about)
    assert found is not None
    assert found.rule == "workspace:t"


@given(st.lists(CONDITIONS, min_size=1, max_size=4), FACTS)
def test_what_no_look_up_could_change_is_decided_without_one(conditions: list[Conditions], about: Facts) -> None:
    """And what one could is not, until it is known."""
    rules = RuleSet(rules=[to(f"w{number}", when=when) for number, when in enumerate(conditions)])
    asked = Facts(
        about.stream, about.tags, about.sender_domain, about.recipient_domain, about.size, about.attempt, None
    )
    answers = {decided(EMPTY, rules, asked.to(rollup)) for rollup in (*ROLLUPS, "elsewhere")}
    before = decided(EMPTY, rules, asked)
    if before is not None:
        assert answers == {before}
    else:
        assert any(when.rollups is not None for when in conditions)


def test_a_lane_alone_goes_on_and_the_first_lane_stays() -> None:
    slow = Rule(id="slow", lane=Lane.STANDARD)
    quick = to("quick", lane=Lane.CRITICAL)
    found = decided(RuleSet(rules=[slow]), RuleSet(rules=[quick]), facts())
    assert found is not None
    assert (found.rule, found.lane, found.lane_rule) == ("workspace:quick", Lane.STANDARD, "platform:slow")
    found = decided(EMPTY, RuleSet(rules=[slow], transports=["a"]), facts())
    assert found is not None
    assert (found.rule, found.lane, found.tiers) == ("default", Lane.STANDARD, ((("a", None),),))


def test_a_hold_ends_at_its_time() -> None:
    rules = [Rule(id="h", hold=Hold(reason="r", until=NOW + timedelta(seconds=1))), to("t")]
    sets = compile_set(PLATFORM, 0, EMPTY), compile_set(WORKSPACE, 1, RuleSet(rules=rules))
    held = find(facts(), *sets, ("direct",), NOW)
    freed = find(facts(), *sets, ("direct",), NOW + timedelta(seconds=1))
    assert held is not None
    assert held.hold is not None
    assert freed is not None
    assert freed.rule == "workspace:t"


@pytest.mark.parametrize(
    ("platform", "workspace", "rule", "version", "order"),
    [
        (["p"], ["w"], "default", 7, ["w"]),
        (["p"], [], "platform:default", 5, ["p"]),
        ([], [], "default", 7, ["direct"]),
    ],
)
def test_where_no_rule_decides_a_failover_order_does(
    platform: list[str], workspace: list[str], rule: str, version: int, order: list[str]
) -> None:
    found = decided(RuleSet(transports=platform), RuleSet(transports=workspace), facts())
    assert found is not None
    assert (found.rule, found.version) == (rule, version)
    assert [tier[0][0] for tier in found.tiers] == order


def test_domains_are_compared_whatever_their_case() -> None:
    message = a_message("ann@B.A.Example", sender="us@S.Example")
    for when in ({"recipient_domains": ["*.a.EXAMPLE"]}, {"sender_domains": ["s.example."]}):
        rules = RuleSet(rules=[to("t", when=Conditions.model_validate(when))])
        found = decided(EMPTY, rules, facts_of(message))
        assert found is not None
        assert found.rule == "workspace:t"


def test_a_refusal_is_found_with_its_words() -> None:
    rules = RuleSet(rules=[Rule(id="no", name="No mail there", reject=Reject(reason="embargo", reply="not there"))])
    found = decided(EMPTY, rules, facts())
    assert found is not None
    assert found.reject == Reject(reason="embargo", reply="not there")
    assert (found.rule, found.name) == ("workspace:no", "No mail there")
