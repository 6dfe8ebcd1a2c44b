"""Past decisions made again: the same under the same rules, told apart under others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.router.health import Health, Reputation, Standing, State
from services.router.mx import Destination, Finding
from services.router.replay.again import Comparison, decide_again
from services.router.replay.outcome import Action
from services.router.replay.past import Past, past_of
from services.router.routes.configuration import Configuration
from services.router.routes.matching import PLATFORM, WORKSPACE, compile_set
from services.router.routes.model import Conditions, Hold, Quarantine, Reject, Rule, RuleSet, Target
from shared.contracts.events import EventType, event_of
from shared.contracts.messages import LastAttempt, Message, Reroute, Verdict, VerdictKind
from shared.contracts.topics import Lane, Stream
from tests.unit.router.test_matching import CONDITIONS, ROLLUPS, TAGS
from tests.unit.router.test_rules import NOW, message, routed, way

IDS = ("direct", "direct2", "a", "b", "c")
TIERS = st.lists(
    st.lists(
        st.builds(Target, transport=st.sampled_from(IDS), weight=st.none() | st.integers(0, 3)), min_size=1, max_size=3
    ),
    min_size=1,
    max_size=2,
)
ACTIONS = st.one_of(
    st.fixed_dictionaries({"route": TIERS}, optional={"lane": st.sampled_from(list(Lane))}),
    st.fixed_dictionaries({"lane": st.sampled_from(list(Lane))}),
    st.fixed_dictionaries({"hold": st.builds(Hold, reason=st.just("wait"), until=st.sampled_from([None, NOW]))}),
    st.fixed_dictionaries({"reject": st.builds(Reject, reason=st.just("no"), reply=st.none() | st.just("go"))}),
)
RULES = st.builds(lambda when, action: Rule(id="r", name="R", when=when, **action), CONDITIONS, ACTIONS)
SETS = st.builds(
    RuleSet,
    transports=st.lists(st.sampled_from(IDS), max_size=4),
    rules=st.lists(RULES, max_size=3),
)
QUARANTINES = st.sampled_from([None, Quarantine(hold=True), Quarantine(pool="c")])
STANDINGS = st.builds(
    Standing, st.sampled_from(list(State)), st.floats(0, 1), st.sampled_from([None, "half of it was blocked"])
)
HEALTHS = st.builds(
    Health,
    st.dictionaries(st.tuples(st.sampled_from(IDS), st.sampled_from((*ROLLUPS, "smarthost:a"))), STANDINGS, max_size=6),
    st.dictionaries(st.sampled_from(IDS), STANDINGS, max_size=4),
    st.dictionaries(st.just(("w1", "c.example")), st.sampled_from(list(Reputation))),
)
LASTS = st.none() | st.builds(
    LastAttempt,
    transport=st.sampled_from(IDS),
    outcome=st.just("451 later"),
    scope=st.sampled_from([None, "transport", "recipient", "message"]),
    full=st.lists(st.sampled_from(IDS), max_size=2),
)
WISHES = st.none() | st.builds(Reroute, take=st.none() | st.sampled_from(IDS), avoid=st.none() | st.sampled_from(IDS))
FINDINGS = st.sampled_from([each for each in Finding if each is not Finding.PENDING])


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    there = draw(st.lists(st.sampled_from(IDS[1:]), unique=True))
    ways = [way(id_, enabled=draw(st.integers(0, 4)) > 0, weight=draw(st.integers(0, 3))) for id_ in ("direct", *there)]
    platform = draw(SETS).model_copy(update={"quarantine": draw(QUARANTINES)})
    return Configuration(
        7, {each.id: each for each in ways}, compile_set(WORKSPACE, 3, draw(SETS)), compile_set(PLATFORM, 5, platform)
    )


@st.composite
def messages(draw: st.DrawFn) -> Message:
    return message(
        message_id=draw(st.uuids()).hex,
        recipient=f"Ann@{draw(st.sampled_from(('a.example', 'B.A.example', 'xa.example')))}",
        stream=draw(st.sampled_from(list(Stream))),
        tags=draw(st.lists(st.sampled_from(TAGS), unique=True)),
        size=draw(st.integers(0, 5)),
        attempt=draw(st.integers(0, 5)),
        pass_=draw(st.integers(0, 9)),
        last=draw(LASTS),
        reroute=draw(WISHES),
    )


def reported(out: Message, **changes: Any) -> dict[str, Any]:
    """The event that reports a pass, as it comes from Kafka."""
    parts = {"route": out.route, "verdict": out.verdict, "seen": out.seen}
    data = {name: part.model_dump(mode="json", exclude_none=True) for name, part in parts.items() if part is not None}
    event = event_of(out.with_changes(**changes), EventType.DEFERRED, NOW, data, attempt=out.attempt + 1)
    return orjson.loads(event.encode())


def past(out: Message, **changes: Any) -> Past:
    found = past_of(reported(out, **changes))
    assert found is not None
    return found


@settings(max_examples=80)
@given(configurations(), messages(), HEALTHS, FINDINGS, st.sampled_from(ROLLUPS))
def test_under_the_rules_that_made_it_every_decision_is_made_again_just_so(
    configuration: Configuration, about: Message, health: Health, finding: Finding, rollup: str
) -> None:
    """Whose address it was is nothing to it: that may have been erased."""
    out = routed(about, configuration, Destination(finding, rollup), health=health)
    if out.verdict is not None and out.verdict.rule is None:
        return
    then = past(out, recipient="erased@erased.invalid")
    again = decide_again(then, configuration)
    assert again.assumed == ()
    assert replace(again.outcome, why=None) == replace(then.outcome, why=None)
    if again.outcome.action is not Action.WAIT:  # what the resolver said is not kept with what was decided from
        assert again.outcome.why == then.outcome.why


def _under(*rules: Rule, order: str = "direct", platform: RuleSet | None = None) -> Configuration:
    workspace = RuleSet(transports=order.split(), rules=list(rules))
    return Configuration(
        7,
        {id_: way(id_) for id_ in IDS},
        compile_set(WORKSPACE, 4, workspace),
        compile_set(PLATFORM, 5, platform or RuleSet()),
    )


GOOGLE = Destination(Finding.MX, "google")


def test_a_draft_shows_what_it_would_change_and_by_what() -> None:
    before = _under(order="a b")
    draft = _under(Rule(id="big", when=Conditions(tags=["x"]), hold=Hold(reason="they move")), order="a b")
    compared = Comparison()
    for number, tags in enumerate((["x"], ["x"], [])):
        then = past(routed(message(message_id=f"m{number}", tags=tags), before, None))
        compared.add(then, decide_again(then, draft))
    assert (compared.decisions, compared.otherwise, compared.by_another_rule, compared.assumed) == (3, 2, 0, 0)
    (((was, now), count),) = compared.changes.items()
    assert (was.action, was.transport, was.rule, was.reason) == (Action.ROUTE, "a", "default", None)
    assert (now.action, now.transport, now.rule, now.reason) == (Action.HOLD, None, "workspace:big", "they move")
    assert count == 2
    assert [each.past.message.message_id for each in compared.samples] == ["m0", "m1"]


def test_the_same_way_by_another_rule_is_told_apart() -> None:
    then = past(routed(message(), _under(order="a"), None))
    compared = Comparison()
    compared.add(then, decide_again(then, _under(Rule(id="r", route=[[Target(transport="a")]]))))
    assert (compared.otherwise, compared.by_another_rule) == (0, 1)


@pytest.mark.parametrize(
    ("draft", "assumed"),
    [
        (_under(order="b"), ("health",)),
        (_under(order="a direct"), ("health", "hosts")),
        (_under(Rule(id="r", when=Conditions(rollups=["google"]), reject=Reject(reason="no")), order="a"), ("hosts",)),
    ],
)
def test_what_was_not_known_then_is_said_to_be_assumed(draft: Configuration, assumed: tuple[str, ...]) -> None:
    then = past(routed(message(), _under(order="a"), None))
    assert decide_again(then, draft).assumed == assumed


def test_what_no_rule_decided_is_no_decision() -> None:
    late = message(expires_at=NOW)
    behind = message(versions=late.versions.with_changes(workspace=99))
    assert [past_of(reported(routed(each, _under()))) for each in (late, behind)] == [None, None]
    sent = message().with_changes(verdict=Verdict(kind=VerdictKind.SEND, by="suppression", checked_at=NOW))
    assert past_of(reported(sent)) is None
    assert past_of({**reported(sent), "data": {}}) is None


def test_a_decision_that_does_not_say_what_it_was_made_from_is_not_made_up() -> None:
    event = reported(routed(message(), _under(), GOOGLE))
    event["data"]["route"]["inputs"] = {}
    with pytest.raises(ValueError, match="does not say"):
        past_of(event)


def test_a_message_that_stays_is_not_kept_from_its_way_by_a_breaker_towards_its_host() -> None:
    """Its breaker is open towards these hosts alone: whether it is so altogether is told apart."""
    health = Health(towards={("a", "smarthost:a"): Standing(State.OPEN, 0.1, "blocked")})
    last = LastAttempt(transport="a", outcome="451 greylisted", scope="recipient")
    there = _under(order="b a")
    out = routed(message(last=last), there, None, health=health)
    assert out.route is not None
    assert out.route.transport == "a"
    again = decide_again(past(out), there).outcome
    assert again.transport == "a"
    everywhere = replace(health, altogether={"a": Standing(State.OPEN, 0.1)})
    gone = routed(message(last=last), there, None, health=everywhere)
    assert decide_again(past(gone), there).outcome.transport == "b"
