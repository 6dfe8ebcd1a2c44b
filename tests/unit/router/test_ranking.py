"""Weights, tiers and health: which transport a message takes, and what the others lost by."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.health import Health, Standing, State
from services.router.routes.matching import Tiers
from services.router.routes.ranking import HALF_OPEN_SHARE, MORE_THAN_ITS_DAY, NO_WAY_IS_FREE, Ranked, rank
from shared.contracts.messages import LastAttempt, Reroute
from tests.unit.router.test_failover import TOOK_BEFORE
from tests.unit.router.test_rules import failed, said, way

OPEN = Standing(State.OPEN, 0.1, "9 of 10 attempts failed")
HALF = Standing(State.HALF_OPEN, 0.5)
ONE_BY_ONE: Tiers = ((("a", None),), (("b", None),), (("c", None),))
TRIES = [f"m{number}" for number in range(2000)]


def ranked(
    tiers: Tiers,
    health: Health | None = None,
    *,
    message_id: str = "m1",
    last: LastAttempt | None = None,
    wish: Reroute | None = None,
    **ways: Any,
) -> Ranked:
    there = {id_: way(id_, **ways.get(id_, {})) for tier in tiers for id_, _ in tier}
    return rank(tiers, there, message_id, health or Health(), "google", last, wish)


def open_for(*ids: str, standing: Standing = OPEN) -> Health:
    """Smart hosts whose breakers are not closed."""
    return Health(towards={(id_, f"smarthost:{id_}"): standing for id_ in ids})


def lost(found: Ranked) -> list[str | None]:
    return [candidate.lost for candidate in found.candidates]


def taken(found: Ranked) -> str:
    assert found.taken is not None
    return found.taken.id


def test_weights_spread_a_tier_and_a_message_keeps_its_way() -> None:
    tier: Tiers = ((("a", 3), ("b", 1), ("c", 0)),)
    counted = Counter(taken(ranked(tier, message_id=id_)) for id_ in TRIES)
    assert 1400 < counted["a"] < 1600
    assert counted["a"] + counted["b"] == len(TRIES)
    assert [taken(ranked(tier, message_id=id_)) for id_ in TRIES] == [
        taken(ranked(tier, message_id=id_)) for id_ in TRIES
    ]


def test_a_change_of_a_weight_moves_only_what_it_must() -> None:
    before = {id_: taken(ranked(((("a", 1), ("b", 1), ("c", 1)),), message_id=id_)) for id_ in TRIES}
    after = {id_: taken(ranked(((("a", 1), ("b", 1), ("c", 2)),), message_id=id_)) for id_ in TRIES}
    assert {after[id_] for id_ in TRIES if after[id_] != before[id_]} == {"c"}


def test_without_a_weight_of_the_tiers_the_transports_own_counts() -> None:
    tier: Tiers = ((("a", None), ("b", None)),)
    counted = Counter(taken(ranked(tier, message_id=id_, a={"weight": 0})) for id_ in TRIES[:50])
    assert counted == {"b": 50}
    assert [each.weight for each in ranked(tier, a={"weight": 7}).candidates] == [7, 100]


def test_health_takes_from_a_share() -> None:
    tier: Tiers = ((("a", 1), ("b", 1)),)
    weak = Health(towards={("a", "smarthost:a"): Standing(score=0.25)})
    counted = Counter(taken(ranked(tier, weak, message_id=id_)) for id_ in TRIES)
    assert 300 < counted["a"] < 500


def test_a_tier_comes_before_the_next_whatever_the_weights() -> None:
    for id_ in TRIES[:50]:
        assert taken(ranked(((("a", 1),), (("b", 1000),)), message_id=id_)) == "a"


@pytest.mark.parametrize(
    ("off", "wins", "why"),
    [
        ("a", "b", ["its breaker is open: 9 of 10 attempts failed", None, None]),
        ("a b", "c", ["its breaker is open: 9 of 10 attempts failed"] * 2 + [None]),
        ("a b c", "a", [None, TOOK_BEFORE, TOOK_BEFORE]),
    ],
)
def test_an_open_breaker_loses_to_all_others_and_if_all_are_open_the_first_is_taken(
    off: str, wins: str, why: list[str | None]
) -> None:
    found = ranked(ONE_BY_ONE, open_for(*off.split()))
    assert taken(found) == wins
    for candidate, expected in zip(found.candidates, why, strict=True):
        assert expected is None or candidate.lost == expected
    assert (found.why == NO_WAY_IS_FREE) == (len(off.split()) == 3)
    assert max(found.candidates, key=lambda each: each.score).transport == wins
    assert set(found.health) == set(off.split())


def test_a_direct_transport_is_judged_by_the_recipients_rollup_and_a_smart_host_by_its_own() -> None:
    tiers: Tiers = ((("direct", None),), (("a", None),))
    assert taken(ranked(tiers, Health(towards={("direct", "google"): OPEN}))) == "a"
    assert taken(ranked(tiers, Health(towards={("direct", "yahoo"): OPEN}))) == "direct"
    assert taken(ranked(tiers[::-1], Health(towards={("a", "google"): OPEN}))) == "a"
    assert taken(ranked(tiers[::-1], Health(altogether={"a": OPEN}))) == "direct"


def test_a_half_open_breaker_is_tried_by_one_message_in_some() -> None:
    counted = Counter(taken(ranked(ONE_BY_ONE, open_for("a", standing=HALF), message_id=id_)) for id_ in TRIES)
    assert counted["a"] + counted["b"] == len(TRIES)
    assert 0.5 < counted["a"] * HALF_OPEN_SHARE / len(TRIES) < 1.5


def test_greylisted_mail_stays_though_the_breaker_is_open_unless_the_transport_fails_everybody() -> None:
    assert taken(ranked(ONE_BY_ONE, open_for("b"), last=said("b"))) == "b"
    found = ranked(ONE_BY_ONE, Health(altogether={"b": OPEN}), last=said("b"))
    assert taken(found) != "b"
    assert lost(found)[1] == "its breaker is open: 9 of 10 attempts failed"


def test_behind_a_failure_an_open_one_is_passed_over() -> None:
    found = ranked(ONE_BY_ONE, open_for("b"), last=failed("a"))
    assert taken(found) == "c"
    assert lost(found) == ["its last attempt failed: connection refused", lost(found)[1], None]
    assert taken(ranked(ONE_BY_ONE[:2], open_for("b"), last=failed("a"))) == "a"


def test_a_wish_goes_before_breakers() -> None:
    assert taken(ranked(ONE_BY_ONE, open_for("b"), wish=Reroute(take="b"))) == "b"
    assert taken(ranked(ONE_BY_ONE[:2], open_for("b"), wish=Reroute(avoid="a"))) == "b"


def test_what_can_take_no_more_today_comes_last_of_all() -> None:
    """Else the sender would send the message back at once, for ever."""
    full = LastAttempt(transport="a", outcome="warm-up", scope="transport", full=["a"])
    found = ranked(ONE_BY_ONE[:2], open_for("b"), last=full)
    assert (taken(found), lost(found)) == ("b", [MORE_THAN_ITS_DAY, None])
    wished = ranked(ONE_BY_ONE[:2], last=full, wish=Reroute(take="a"))
    assert (taken(wished), wished.why) == ("b", "it comes next behind the transport that failed")


IDS = ("direct", "a", "b", "c", "d")
TIERS = st.permutations(IDS).flatmap(
    lambda ids: st.lists(st.integers(0, 5), min_size=5, max_size=5).flatmap(
        lambda weights: st.integers(1, 5).map(
            lambda size: tuple(
                tuple(zip(ids[at : at + size], weights[at : at + size], strict=True)) for at in range(0, 5, size)
            )
        )
    )
)
STANDINGS = st.builds(Standing, st.sampled_from(list(State)), st.floats(0, 1))
HEALTHS = st.builds(Health, altogether=st.dictionaries(st.sampled_from(IDS), STANDINGS))
LASTS = st.none() | st.builds(
    LastAttempt,
    transport=st.sampled_from((*IDS, "gone")),
    outcome=st.just("refused"),
    scope=st.sampled_from(("transport", "recipient", "message", None)),
    full=st.lists(st.sampled_from(IDS), unique=True, max_size=3),
)
WISHES = st.none() | st.builds(Reroute, take=st.none() | st.sampled_from(IDS), avoid=st.none() | st.sampled_from(IDS))


@given(TIERS, HEALTHS, LASTS, WISHES, st.sets(st.sampled_from(IDS)), st.text(max_size=8))
def test_one_wins_and_every_other_says_why_not(
    tiers: Tiers, health: Health, last: LastAttempt | None, wish: Reroute | None, off: set[str], message_id: str
) -> None:
    ways = {id_: {"enabled": False} for id_ in off}
    found = ranked(tiers, health, message_id=message_id, last=last, wish=wish, **ways)
    usable = [candidate for candidate in found.candidates if candidate.transport not in off]
    assert [each.transport for each in found.candidates] == [id_ for tier in tiers for id_, _ in tier]
    assert all(candidate.lost == "disabled" for candidate in found.candidates if candidate.transport in off)
    assert sorted((each.score for each in usable), reverse=True) == [
        round(1 - place / len(usable), 3) for place in range(len(usable))
    ]
    winners = [candidate for candidate in found.candidates if candidate.lost is None]
    assert [each.transport for each in winners] == ([taken(found)] if usable else [])
    if not usable:
        return
    assert winners[0].score == 1
    assert found.why
    free = [each.transport for each in usable if health.standing(each.transport, None).state is State.CLOSED]
    full = set(last.full) if last else set()
    if wish is None and set(free) - full:
        stays = last is not None and last.scope in ("recipient", "message") and taken(found) == last.transport
        assert stays or health.standing(taken(found), None).state is not State.OPEN
    assert taken(found) not in full or {each.transport for each in usable} <= full
