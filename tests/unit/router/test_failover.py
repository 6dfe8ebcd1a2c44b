"""The order in which a message tries transports, and why each of the others lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.health import Health
from services.router.routes.configuration import Configuration
from services.router.routes.matching import Tiers
from services.router.routes.ranking import Ranked, rank
from shared.contracts.messages import LastAttempt, Reroute
from tests.unit.router.test_rules import failed, known, said, way

TOOK_BEFORE = "a transport before it in the failover order was taken"
WENT_ON = "the failover goes on behind the transport that failed"
STAYS = "the message stays on the transport of its last attempt"
FAILED = "its last attempt failed: connection refused"
ALONE = "it is left alone after: connection refused"


def left_alone(transport: str) -> LastAttempt:
    """No attempt was made."""
    return LastAttempt(transport=transport, outcome=ALONE, scope="transport", untried=True)


def compare(configuration: Configuration, last: LastAttempt | None, wish: Reroute | None = None) -> Ranked:
    """The failover order of the workspace, with nothing known of health."""
    tiers: Tiers = tuple(((id_, None),) for id_ in configuration.workspace.order)
    return rank(tiers, configuration.ways, "m1", Health(), None, last, wish)


@pytest.mark.parametrize(
    ("order", "off", "last", "lost"),
    [
        ("a", "", None, [None]),
        ("a b c", "", None, [None, TOOK_BEFORE, TOOK_BEFORE]),
        ("a b c", "a", None, ["disabled", None, TOOK_BEFORE]),
        ("a b", "a b", None, ["disabled", "disabled"]),
        ("a b c", "", failed("a"), [FAILED, None, TOOK_BEFORE]),
        ("a b c", "", failed("b"), [WENT_ON, FAILED, None]),
        ("a b c", "", failed("c"), [None, TOOK_BEFORE, FAILED]),
        ("a b c", "b", failed("a"), [FAILED, "disabled", None]),
        ("a b", "b", failed("a"), [None, "disabled"]),
        ("a b c", "", left_alone("a"), [ALONE, None, TOOK_BEFORE]),
        ("a b c", "", left_alone("c"), [None, TOOK_BEFORE, ALONE]),
        ("a", "", failed("a"), [None]),
        ("a b", "a", failed("a"), ["disabled", None]),
        ("a b", "", failed("gone"), [None, TOOK_BEFORE]),
        ("a b c", "", said("b"), [STAYS, None, TOOK_BEFORE]),
        ("a b c", "", said("b", "message"), [STAYS, None, TOOK_BEFORE]),
        ("a b c", "", said("b", None), [None, TOOK_BEFORE, TOOK_BEFORE]),
        ("a b c", "b", said("b"), [None, "disabled", TOOK_BEFORE]),
        ("a a b", "", None, [None, TOOK_BEFORE]),
    ],
)
def test_who_is_taken_and_why_the_others_lost(
    order: str, off: str, last: LastAttempt | None, lost: list[str | None]
) -> None:
    ways = [way(id_, enabled=id_ not in off.split()) for id_ in order.split()]
    ranked = compare(known(*order.split(), ways=ways), last)
    assert [candidate.lost for candidate in ranked.candidates] == lost
    winners = [candidate.transport for candidate in ranked.candidates if candidate.lost is None]
    assert winners == ([ranked.taken.id] if ranked.taken else [])


def test_a_transport_that_is_not_there_is_unknown() -> None:
    ranked = compare(known("gone", "a", ways=[way("a")]), None)
    assert ranked.taken is not None
    assert ranked.taken.id == "a"
    assert [(each.transport, each.name, each.kind, each.score, each.lost) for each in ranked.candidates] == [
        ("gone", "gone", None, 0.0, "unknown"),
        ("a", "A", "smarthost", 1.0, None),
    ]


@given(st.integers(1, 6))
def test_failing_transports_are_all_tried_in_turn(count: int) -> None:
    order = [f"t{number}" for number in range(count)]
    configuration, last, tried = known(*order), None, []
    for _ in range(count):
        taken = compare(configuration, last).taken
        assert taken is not None
        tried.append(taken.id)
        last = failed(taken.id)
    assert tried == order
