"""A wish for another way, as far as the route has one."""

from __future__ import annotations

import pytest

from shared.contracts.messages import LastAttempt, Reroute
from tests.unit.router.test_failover import STAYS, TOOK_BEFORE, compare
from tests.unit.router.test_rules import failed, known, message, routed, said, way

AVOIDED, WISHED = "it was asked to be avoided", "another transport was asked for"


@pytest.mark.parametrize(
    ("order", "off", "wish", "last", "lost"),
    [
        ("a b c", "", {"take": "b"}, None, [WISHED, None, TOOK_BEFORE]),
        ("a b c", "", {"take": "c"}, said("a"), [WISHED, WISHED, None]),
        ("a b c", "", {"take": "a"}, failed("a"), [None, TOOK_BEFORE, TOOK_BEFORE]),
        ("a b", "b", {"take": "b"}, None, [None, "disabled"]),
        ("a b", "", {"take": "elsewhere"}, said("b"), [STAYS, None]),
        ("a b c", "", {"avoid": "a"}, said("a"), [AVOIDED, None, TOOK_BEFORE]),
        ("a b c", "", {"avoid": "c"}, said("c"), [None, TOOK_BEFORE, AVOIDED]),
        ("a b c", "b", {"avoid": "a"}, None, [AVOIDED, "disabled", None]),
        ("a", "", {"avoid": "a"}, said("a"), [None]),
        ("a b", "", {"avoid": "gone"}, said("b"), [STAYS, None]),
    ],
)
def test_a_wish_for_another_way_is_followed_where_the_route_has_it(
    order: str, off: str, wish: dict[str, str], last: LastAttempt | None, lost: list[str | None]
) -> None:
    names = order.split()
    there = known(*names, ways=[way(name, enabled=name not in off.split()) for name in names])
    ranked = compare(there, last, Reroute(**wish))
    assert [candidate.lost for candidate in ranked.candidates] == lost
    assert ranked.taken is not None
    assert ranked.candidates[names.index(ranked.taken.id)].lost is None


def test_the_route_says_which_way_was_wished_for() -> None:
    decided = routed(message(reroute=Reroute(avoid="direct")), known("direct", "smart"))
    assert decided.route is not None
    assert (decided.route.transport, decided.route.inputs["reroute"]) == ("smart", {"v": 1, "avoid": "direct"})
